import { onScopeDispose, watch } from 'vue'
import type { Board } from '../alerts/board'
import { nextBurst, SILENT, wanted } from './schedule'
import { sound, speakerState } from './speaker'

const TICK_MS = 100

/**
 * Sounds for as long as an alert waits, and when the connection is lost. `lostForMs` is null while it is live.
 * Returns `ring`, which is for news: the next burst then does not wait for its turn.
 */
export function runAlarm(board: Board, lostForMs: () => number | null): { ring: () => void } {
  let sounding = SILENT
  let fresh = false

  function tick(): void {
    if (speakerState.value !== 'on') return
    const next = nextBurst(sounding, wanted(board.untaken.value), lostForMs(), fresh, performance.now())
    sounding = next.sounding
    if (next.burst === null) return
    if (next.burst !== 'lost') fresh = false
    sound(next.burst)
  }

  const timer = setInterval(tick, TICK_MS)
  onScopeDispose(() => clearInterval(timer))
  // When the sound has just been turned on, what waits is heard at once.
  watch(speakerState, (now) => {
    if (now === 'on') fresh = true
  })

  return {
    ring: () => {
      fresh = true
    },
  }
}
