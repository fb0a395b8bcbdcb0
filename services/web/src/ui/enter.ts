/** In a form of many fields, Enter sends it from its last field alone: a stray one elsewhere must not change a rule. */
export function sendOnlyFrom(lastId: string): (event: KeyboardEvent) => void {
  return (event) => {
    const { target } = event
    if (target instanceof HTMLInputElement && target.id !== lastId) event.preventDefault()
  }
}
