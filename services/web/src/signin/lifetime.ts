/** An access token and when it ends, in ms of this machine's clock. */
export interface Access {
  token: string
  expiresAt: number
}

/** A request may be under way this long; a token that ends sooner is not worth sending. */
const MARGIN_MS = 15_000

export function usable(access: Access | null, now: number): boolean {
  return access !== null && access.expiresAt - now > MARGIN_MS
}

/** How long to wait before the planned refresh, in ms: at four fifths of the life, never less than a second. */
export function refreshDelay(expiresInSeconds: number): number {
  // setTimeout overflows above 2^31 − 1 ms and would fire at once.
  return Math.min(Math.max(1000, expiresInSeconds * 800), 2_147_000_000)
}
