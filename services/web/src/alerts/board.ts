import { computed, shallowReactive } from 'vue'
import type { Alert } from '../api/types'
import { news, type News } from './changes'
import { byFollowUp, byUrgency, unresolved, waiting } from './ordering'

/** Closed alerts that are kept for 刚处置, beyond those that are open. */
const CLOSED_KEPT = 60

export interface Heard {
  alert: Alert
  news: News
}

export type Board = ReturnType<typeof createBoard>

/** All alerts this screen knows. An older version never replaces a newer one, whichever way each came. */
export function createBoard() {
  const known = shallowReactive(new Map<string, Alert>())

  const open = computed(() => [...known.values()].filter(unresolved).sort(byUrgency))
  const untaken = computed(() => open.value.filter(waiting))
  const closed = computed(() =>
    [...known.values()].filter((alert) => alert.state === 'resolved' || alert.state === 'followed_up').sort(byFollowUp),
  )

  function take(alert: Alert): Heard | null {
    const before = known.get(alert.id)
    if (before && before.version > alert.version) return null
    known.set(alert.id, alert)
    const what = news(before, alert)
    return what === null ? null : { alert, news: what }
  }

  /** One alert as a change left it. */
  function apply(alert: Alert): Heard[] {
    const heard = take(alert)
    forgetOldest()
    return heard ? [heard] : []
  }

  /** The whole list as it is now: what is not in it is no longer open. */
  function replace(list: readonly Alert[]): Heard[] {
    const ids = new Set(list.map((alert) => alert.id))
    for (const alert of [...known.values()]) {
      if (unresolved(alert) && !ids.has(alert.id)) known.delete(alert.id)
    }
    return list.map(take).filter((heard) => heard !== null)
  }

  function forgetOldest(): void {
    const surplus = [...known.values()].filter((alert) => !unresolved(alert))
    if (surplus.length <= CLOSED_KEPT) return
    surplus.sort((a, b) => Date.parse(b.raised_at) - Date.parse(a.raised_at))
    for (const alert of surplus.slice(CLOSED_KEPT)) known.delete(alert.id)
  }

  return { known, open, untaken, closed, apply, replace }
}
