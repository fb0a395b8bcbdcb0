const KEY = 'anhu.station'

function all(): Record<string, string> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {}) as Record<string, string>
  } catch {
    return {}
  }
}

/** The station this person sat at last, on this machine. */
export function rememberedStation(username: string): string | undefined {
  return all()[username]
}

export function rememberStation(username: string, organizationId: string): void {
  localStorage.setItem(KEY, JSON.stringify({ ...all(), [username]: organizationId }))
}
