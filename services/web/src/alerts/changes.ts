import type { Alert } from '../api/types'
import { unresolved, waiting } from './ordering'

/** A change that a person must hear of at once. */
export type News = 'raised' | 'pressed_again' | 'worsened'

/** What is new in `after` for people at the screen, or null when it may stay quiet. */
export function news(before: Alert | undefined, after: Alert): News | null {
  if (!unresolved(after) || !waiting(after)) return null
  if (!before || !unresolved(before)) return 'raised'
  if (before.severity !== 'red' && after.severity === 'red') return 'worsened'
  if (after.occurrences > before.occurrences || (after.attention && !before.attention)) return 'pressed_again'
  return null
}
