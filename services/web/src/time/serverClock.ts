/**
 * The server's clock as seen from here: server time = local time + offset, all in ms.
 *
 * Each reading of the server's clock arrives late by an unknown latency, so each gives an offset that is too
 * small, and the largest of the last few is the best. A reading that differs by more than `JUMP_MS` means that
 * a clock was set or the machine slept: what was known before is void.
 */
export interface ServerClock {
  readonly offsets: readonly number[]
  /** From heartbeats; else only from HTTP dates, which are whole seconds. */
  readonly precise: boolean
}

const KEPT = 8
const JUMP_MS = 2_000

export const UNKNOWN_CLOCK: ServerClock = { offsets: [], precise: false }

export function offset(clock: ServerClock): number {
  return clock.offsets.length === 0 ? 0 : Math.max(...clock.offsets)
}

/** A heartbeat said `serverTime`, and was heard at `localTime`. */
export function heard(clock: ServerClock, serverTime: number, localTime: number): ServerClock {
  const reading = serverTime - localTime
  const jumped = clock.precise && Math.abs(reading - offset(clock)) > JUMP_MS
  const before = clock.precise && !jumped ? clock.offsets : []
  return { offsets: [...before, reading].slice(-KEPT), precise: true }
}

/** An HTTP `Date`, rounded down to the second by the server, asked and answered at these local times. */
export function dated(clock: ServerClock, serverDate: number, askedAt: number, answeredAt: number): ServerClock {
  if (clock.precise) return clock
  const reading = serverDate + 500 - (askedAt + answeredAt) / 2
  return { offsets: [reading], precise: false }
}
