import type { Heard } from '../alerts/board'
import type { Alert } from '../api/types'

/**
 * Which alert the screen shows large after `heard` has come in, of `open` (worst first).
 *
 * Whoever is reading an address to 120 must not have it change before their eyes: what is red and open, or already
 * answered, stays; the new one is announced, sounds, and stands in the list.
 */
export function selectionAfter(selectedId: string | null, open: readonly Alert[], heard: readonly Heard[]): string | null {
  const selected = open.find((alert) => alert.id === selectedId)
  const inHand = selected && (selected.severity === 'red' || selected.state !== 'triggered')
  if (inHand) return selectedId
  const red = new Set(heard.filter(({ alert }) => alert.severity === 'red').map(({ alert }) => alert.id))
  const worst = open.find((alert) => red.has(alert.id))
  if (worst) return worst.id
  // Nothing is selected, or one that is closed: something that waits goes before it.
  if (!selected && (heard.length > 0 || selectedId === null)) return open[0]?.id ?? selectedId
  return selectedId
}
