import type { Alert, AlertState, Move } from '../api/types'
import { unresolved } from './ordering'

/** What comes next in the life of an alert. The server decides what is allowed; this is which button is big. */
const NEXT: Readonly<Record<AlertState, Move | null>> = {
  triggered: 'acknowledge',
  acknowledged: 'dispatch',
  dispatched: 'arrive',
  arrived: 'resolve',
  resolved: 'follow_up',
  followed_up: null,
  cancelled: null,
}

const ALLOWED: Readonly<Record<AlertState, readonly Move[]>> = {
  triggered: ['acknowledge'],
  acknowledged: ['dispatch', 'resolve'],
  dispatched: ['arrive', 'dispatch', 'resolve'],
  arrived: ['resolve'],
  resolved: ['follow_up'],
  followed_up: ['follow_up'],
  cancelled: [],
}

/** The moves the server would accept, by its own list when it sent one. */
export function allowedMoves(alert: Alert): readonly Move[] {
  if (alert.moves) return alert.moves
  const moves = ALLOWED[alert.state] ?? []
  return alert.attention && unresolved(alert) && !moves.includes('acknowledge') ? ['acknowledge', ...moves] : moves
}

export function nextMove(alert: Alert): Move | null {
  const next = alert.attention && unresolved(alert) ? 'acknowledge' : (NEXT[alert.state] ?? null)
  return next !== null && allowedMoves(alert).includes(next) ? next : null
}

export function otherMoves(alert: Alert): Move[] {
  const next = nextMove(alert)
  return allowedMoves(alert).filter((move) => move !== next)
}

/** Moves that say more than "done", and so ask in a dialog first. */
export function asks(move: Move): move is 'dispatch' | 'resolve' | 'follow_up' {
  return move === 'dispatch' || move === 'resolve' || move === 'follow_up'
}

/**
 * The body of a move that asks nothing. An answer to a further press says which press was seen; and of what version,
 * since a call for help comes without a press.
 */
export function plainBody(alert: Alert, move: Move): Record<string, unknown> {
  return move === 'acknowledge' && alert.attention ? { occurrences: alert.occurrences, version: alert.version } : {}
}
