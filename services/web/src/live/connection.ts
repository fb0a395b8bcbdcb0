import type { Alert, Problem, ServerFrame } from '../api/types'

/**
 * One screen's connection to its station, without a socket: what came in and when goes in, what to do comes out.
 * Times are ms of one local clock, passed in.
 *
 * authorizing → opening → greeting → live, and from each of them on failure → waiting → authorizing.
 * `refused` and `signed_out` are ends: a person has to do something.
 */
export type Phase = 'authorizing' | 'opening' | 'greeting' | 'live' | 'waiting' | 'refused' | 'signed_out'

export interface Connection {
  readonly phase: Phase
  /** The last `seq` that was shown; 0 asks for everything. */
  readonly seq: number
  /** Failures since the connection was last live. */
  readonly failures: number
  /** When this phase began, or the last frame was heard. */
  readonly heardAt: number
  /** In `waiting`: when to try again. */
  readonly retryAt: number
  /** Since when nothing is known of the station; null while live. */
  readonly lostSince: number | null
  readonly everLive: boolean
  /** A new token was fetched because the last one was not accepted. */
  readonly renewed: boolean
}

export type Input =
  | { kind: 'authorized' }
  | { kind: 'not_authorized'; final: boolean }
  | { kind: 'opened' }
  | { kind: 'frame'; frame: ServerFrame }
  | { kind: 'closed'; code: number }
  | { kind: 'tick' }
  /** The network came back, or the page was brought to the front. */
  | { kind: 'wake' }
  /** The page came to the front, or left it. */
  | { kind: 'visibility' }

export type Effect =
  | { do: 'authorize'; renew: boolean }
  | { do: 'open' }
  | { do: 'hello'; after: number }
  | { do: 'alive' }
  | { do: 'tell_watching' }
  | { do: 'ask_presence'; withinMs: number }
  | { do: 'close' }
  | { do: 'replace'; open: Alert[] }
  | { do: 'apply'; alert: Alert }
  | { do: 'heartbeat'; at: string; problems: Problem[] }
  | { do: 'sign_out' }

export interface Step {
  connection: Connection
  effects: Effect[]
}

/** Heartbeats come at least every 15 s; one may be late. */
export const SILENCE_MS = 25_000
/** The server waits 10 s for a hello; we wait as long for its side. */
export const GREETING_MS = 10_000
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 5_000

/** Doubling from 0.5 s to 5 s, and up to 30 % more, so that a whole city's screens do not come back at once. */
export function retryDelay(failures: number, random: number): number {
  const base = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10))
  return base * (1 + 0.3 * random)
}

export function start(now: number): Step {
  const connection: Connection = {
    phase: 'authorizing',
    seq: 0,
    failures: 0,
    heardAt: now,
    retryAt: 0,
    lostSince: now,
    everLive: false,
    renewed: false,
  }
  return { connection, effects: [{ do: 'authorize', renew: false }] }
}

/** `random` is in [0, 1). */
export function step(connection: Connection, input: Input, now: number, random: number): Step {
  switch (input.kind) {
    case 'authorized':
      return connection.phase === 'authorizing' ? enter(connection, 'opening', now, [{ do: 'open' }]) : idle(connection)
    case 'not_authorized':
      if (connection.phase !== 'authorizing') return idle(connection)
      // A renewal that did not happen leaves the next 4401 its own.
      return input.final ? leave(connection, now) : wait({ ...connection, renewed: false }, now, random)
    case 'opened':
      return connection.phase === 'opening'
        ? enter(connection, 'greeting', now, [{ do: 'hello', after: connection.seq }])
        : idle(connection)
    case 'frame':
      return hear(connection, input.frame, now)
    case 'closed':
      return closed(connection, input.code, now, random)
    case 'tick':
      return tick(connection, now, random)
    case 'visibility':
      return { connection, effects: connection.phase === 'live' ? [{ do: 'tell_watching' }] : [] }
    case 'wake':
      return connection.phase === 'waiting' ? authorize(connection, now) : tick(connection, now, random)
  }
}

function idle(connection: Connection): Step {
  return { connection, effects: [] }
}

function enter(connection: Connection, phase: Phase, now: number, effects: Effect[]): Step {
  return { connection: { ...connection, phase, heardAt: now }, effects }
}

function authorize(connection: Connection, now: number, renew = false): Step {
  return enter(connection, 'authorizing', now, [{ do: 'authorize', renew }])
}

function lost(connection: Connection, since: number): Connection {
  return { ...connection, lostSince: connection.lostSince ?? since }
}

function wait(connection: Connection, now: number, random: number, since = now): Step {
  const retryAt = now + retryDelay(connection.failures, random)
  const waiting = { ...lost(connection, since), failures: connection.failures + 1, retryAt }
  return enter(waiting, 'waiting', now, [])
}

function leave(connection: Connection, now: number): Step {
  return enter(lost(connection, now), 'signed_out', now, [{ do: 'sign_out' }])
}

function hear(connection: Connection, frame: ServerFrame, now: number): Step {
  if (connection.phase !== 'greeting' && connection.phase !== 'live') return idle(connection)
  const heard = { ...connection, heardAt: now }
  switch (frame.type) {
    case 'welcome':
      return welcome(heard, frame, now)
    case 'alert':
      return alertFrame(heard, frame.seq, frame.alert, now)
    case 'heartbeat':
      return {
        connection: heard,
        effects: [{ do: 'alive' }, { do: 'heartbeat', at: frame.at, problems: frame.problems ?? [] }],
      }
    case 'presence_check':
      return { connection: heard, effects: [{ do: 'ask_presence', withinMs: frame.answer_within_seconds * 1000 }] }
    default:
      // A frame of a later server: a sign of life, no more.
      return idle(heard)
  }
}

function welcome(connection: Connection, frame: ServerFrame & { type: 'welcome' }, now: number): Step {
  if (frame.resumed && frame.seq !== connection.seq) return resynchronize(connection, now, [])
  const live: Connection = {
    ...connection,
    phase: 'live',
    seq: frame.seq,
    failures: 0,
    lostSince: null,
    everLive: true,
    renewed: false,
  }
  const replaced: Effect[] = frame.resumed ? [] : [{ do: 'replace', open: frame.open }]
  return { connection: live, effects: [...replaced, { do: 'tell_watching' }] }
}

function alertFrame(connection: Connection, seq: number, alert: Alert, now: number): Step {
  const effects: Effect[] = [{ do: 'apply', alert }]
  if (connection.phase !== 'live' || seq <= connection.seq) return { connection, effects }
  if (seq > connection.seq + 1) return resynchronize(connection, now, effects)
  return { connection: { ...connection, seq }, effects }
}

/** Something in between is missing: ask for everything that is open, at once. */
function resynchronize(connection: Connection, now: number, effects: Effect[]): Step {
  const again = authorize({ ...lost(connection, now), seq: 0 }, now)
  return { connection: again.connection, effects: [...effects, { do: 'close' }, ...again.effects] }
}

function closed(connection: Connection, code: number, now: number, random: number): Step {
  if (!['opening', 'greeting', 'live'].includes(connection.phase)) return idle(connection)
  if (code === 4401) {
    if (connection.renewed) return leave(connection, now)
    return authorize({ ...lost(connection, now), renewed: true }, now, true)
  }
  if (code === 4403) return enter(lost(connection, now), 'refused', now, [])
  return wait(connection, now, random)
}

function tick(connection: Connection, now: number, random: number): Step {
  // The local clock was set back: count from here, or the silence would not be noticed until it caught up.
  if (now < connection.heardAt) return idle({ ...connection, heardAt: now, retryAt: Math.min(connection.retryAt, now) })
  const silent = now - connection.heardAt
  switch (connection.phase) {
    case 'waiting':
      return now >= connection.retryAt ? authorize(connection, now) : idle(connection)
    case 'opening':
    case 'greeting':
      if (silent <= GREETING_MS) return idle(connection)
      break
    case 'live':
      if (silent <= SILENCE_MS) return idle(connection)
      break
    default:
      return idle(connection)
  }
  const waiting = wait(connection, now, random, connection.heardAt)
  return { connection: waiting.connection, effects: [{ do: 'close' }] }
}
