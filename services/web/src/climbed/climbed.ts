import { byUrgency, unresolved } from '../alerts/ordering'
import { everyPage, onePage } from '../api/pages'
import type { Alert } from '../api/types'

/** How often what climbed is asked for: supervisors have no live stream. */
export const EVERY_MS = 3_000
const DAY_MS = 86_400_000
const CLOSED = ['resolved', 'followed_up', 'cancelled'] as const
const CLOSED_SHOWN = 100

export interface Climbed {
  /** The worst and longest waiting first. */
  open: Alert[]
  /** Of the last day, the newest first. */
  closed: Alert[]
}

/** What a supervisor reaches is what climbed to them: the server decides, nothing is filtered here. */
export async function readClimbed(now: number): Promise<Climbed> {
  const closed = new URLSearchParams({ moved_since: new Date(now - DAY_MS).toISOString() })
  for (const state of CLOSED) closed.append('state', state)
  const [open, over] = await Promise.all([
    everyPage<Alert>('/alerts', new URLSearchParams({ state: 'open' })),
    onePage<Alert>('/alerts', closed, null, CLOSED_SHOWN),
  ])
  return parted([...open, ...over.items])
}

/** An alert that moved between the two questions is in both: its newest version counts. */
export function parted(alerts: readonly Alert[]): Climbed {
  const newest = new Map<string, Alert>()
  for (const alert of alerts) {
    const before = newest.get(alert.id)
    if (!before || before.version <= alert.version) newest.set(alert.id, alert)
  }
  const all = [...newest.values()]
  return {
    open: all.filter(unresolved).sort(byUrgency),
    closed: all.filter((alert) => !unresolved(alert)).sort((one, other) => Date.parse(other.raised_at) - Date.parse(one.raised_at)),
  }
}

/** Who has it, in words. */
export function heldBy(alert: Alert): string {
  if (alert.holder) return `${alert.holder.name} 负责`
  return unresolved(alert) ? '还没有人接警' : '没有人接警'
}
