import type { Alert, AlertState, Severity } from '../api/types'

const WORST_FIRST: readonly Severity[] = ['red', 'orange', 'yellow', 'blue']
const UNRESOLVED: readonly AlertState[] = ['triggered', 'acknowledged', 'dispatched', 'arrived']

/** Since when somebody waits, in ms: a device's clock that runs ahead must not make a wait look shorter. */
export function begun(alert: Alert): number {
  return Math.min(Date.parse(alert.occurred_at), Date.parse(alert.received_at))
}

export function unresolved(alert: Alert): boolean {
  return UNRESOLVED.includes(alert.state)
}

/** A fall that nobody has taken yet and that has not become red: the elder may still say that nothing happened. */
export function cancellable(alert: Alert): boolean {
  return alert.type === 'fall' && alert.severity === 'orange' && alert.state === 'triggered'
}

/** Nobody has it, or somebody has it and the elder pressed again: it sounds, and it flashes. */
export function waiting(alert: Alert): boolean {
  return alert.state === 'triggered' || (alert.attention && unresolved(alert))
}

/** Worst first; in one colour who is in need before any drill, those pressed again before the rest; then the one that
 * waits longest. */
export function byUrgency(a: Alert, b: Alert): number {
  return (
    rank(a.severity) - rank(b.severity) ||
    Number(a.drill) - Number(b.drill) ||
    Number(b.attention) - Number(a.attention) ||
    begun(a) - begun(b) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  )
}

/** A severity this screen does not know goes to the top rather than out of sight. */
function rank(severity: Severity): number {
  return WORST_FIRST.indexOf(severity)
}

/** 刚处置: those still to be followed up first, then the newest. */
export function byFollowUp(a: Alert, b: Alert): number {
  return (
    Number(a.state !== 'resolved') - Number(b.state !== 'resolved') ||
    Date.parse(b.raised_at) - Date.parse(a.raised_at) ||
    (a.id < b.id ? 1 : -1)
  )
}
