import { shallowReactive } from 'vue'
import { Failure, inWords } from '../api/failure'
import type { Alert, Move } from '../api/types'

/** A move on its way. It is done when the server says so, not before. */
export interface InFlight {
  move: Move
  /** 1 for the first try. */
  attempt: number
}

export type MoveResult = { done: true } | { done: false; message: string; conflict: boolean }

/** After this long without an answer the person is told; the same move may be made again at any time. */
const GIVE_UP_MS = 120_000
const FIRST_PAUSE_MS = 500
const LAST_PAUSE_MS = 5_000

export type Moving = ReturnType<typeof createMoving>

/** Where moves go; the clock and the pauses are given too, so that a test of two minutes takes none. */
export interface MoveServer {
  post(alertId: string, move: Move, body: Record<string, unknown>): Promise<Alert>
  get(alertId: string): Promise<Alert>
  now(): number
  pause(ms: number): Promise<void>
}

/** `learn` is given every alert that the server answers with. */
export function createMoving(server: MoveServer, learn: (alert: Alert) => void) {
  const inFlight = shallowReactive(new Map<string, InFlight>())

  /** Sends one move until it is answered: repeats are harmless, so a lost answer is asked for again. */
  async function make(alertId: string, move: Move, body: Record<string, unknown>): Promise<MoveResult> {
    if (inFlight.has(alertId)) return { done: false, message: '上一步还在发送', conflict: false }
    const begun = server.now()
    try {
      for (let attempt = 1; ; attempt++) {
        inFlight.set(alertId, { move, attempt })
        try {
          learn(await server.post(alertId, move, body))
          return { done: true }
        } catch (cause) {
          if (!(cause instanceof Failure && cause.passing)) return await refused(alertId, cause)
          if (server.now() - begun > GIVE_UP_MS) {
            return { done: false, message: `没有送到：${cause.detail}。可以再按一次，不会重复`, conflict: false }
          }
        }
        await server.pause(Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)))
      }
    } finally {
      inFlight.delete(alertId)
    }
  }

  async function refused(alertId: string, cause: unknown): Promise<MoveResult> {
    const conflict = cause instanceof Failure && cause.status === 409
    // What the person sees is out of date: show what is true. Failing that, the live stream will.
    if (conflict) await server.get(alertId).then(learn, () => undefined)
    return { done: false, message: inWords(cause), conflict }
  }

  return { inFlight, make }
}
