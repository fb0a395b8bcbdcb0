/** The browser's tab, seen when the page is not: how many wait stands before everything else. */
export function showWaiting(count: number, name: string, lost: boolean): void {
  const sign = lost ? '✕ 中断 ' : count > 0 ? `(${count}) ` : ''
  document.title = `${sign}${name} · 安护`
}
