import type { Alert } from '../api/types'

/** What a screen knew at one moment: the version of each unresolved alert. */
export type Known = ReadonlyMap<string, number>

export interface CaughtUp {
  /** Alerts that are new, changed or gone. */
  total: number
  raised: number
}

export function known(unresolved: Iterable<Alert>): Known {
  return new Map(Array.from(unresolved, (alert) => [alert.id, alert.version]))
}

/** What happened between the loss of the connection and its return. */
export function caughtUp(before: Known, after: Known): CaughtUp {
  const raised = [...after.keys()].filter((id) => !before.has(id)).length
  const changed = [...before].filter(([id, version]) => after.get(id) !== version).length
  return { total: raised + changed, raised }
}
