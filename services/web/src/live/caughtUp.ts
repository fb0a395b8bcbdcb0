import type { Alert } from '../api/types'

/** What a screen knew at one moment: what mattered of each unresolved alert, by id. */
export type Known = ReadonlyMap<string, string>

export interface CaughtUp {
  /** Alerts that are new, changed or gone. */
  total: number
  raised: number
}

export function known(unresolved: Iterable<Alert>): Known {
  return new Map(Array.from(unresolved, (alert) => [alert.id, mark(alert)]))
}

/** Versions will not do: that this very screen has shown an alert is a new version too. */
function mark(alert: Alert): string {
  return [alert.state, alert.severity, alert.occurrences, alert.attention, alert.holder?.id].join(' ')
}

/** What happened between the loss of the connection and its return. */
export function caughtUp(before: Known, after: Known): CaughtUp {
  const raised = [...after.keys()].filter((id) => !before.has(id)).length
  const changed = [...before].filter(([id, what]) => after.get(id) !== what).length
  return { total: raised + changed, raised }
}
