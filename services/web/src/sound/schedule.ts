import type { Alert } from '../api/types'
import { waiting } from '../alerts/ordering'

/** What is heard: the two alarm priorities of IEC 60601-1-8 that sound, and our own signal for a lost connection. */
export type Signal = 'high' | 'medium' | 'lost'

/** From the start of one burst to the start of the next. */
export const REPEAT_MS: Readonly<Record<Signal, number>> = { high: 5_000, medium: 15_000, lost: 10_000 }

/** Between two different signals, so that each is heard as itself. */
const PAUSE_MS = 500

/** A broken connection is shown at once; it is heard when it did not mend itself. */
export const LOST_SOUNDS_AFTER_MS = 10_000

export interface Sounding {
  /** When each signal last began, in ms; absent when it never did or its cause has gone since. */
  readonly begun: Readonly<Partial<Record<Signal, number>>>
  /** Until when the current burst takes the speaker. */
  readonly busyUntil: number
}

export const SILENT: Sounding = { begun: {}, busyUntil: 0 }

/** Orange and yellow both count as medium; blue is seen, not heard. */
export function wanted(alerts: Iterable<Alert>): 'high' | 'medium' | null {
  let medium = false
  for (const alert of alerts) {
    if (!waiting(alert) || alert.severity === 'blue') continue
    if (alert.severity === 'red') return 'high'
    medium = true
  }
  return medium ? 'medium' : null
}

/**
 * Which burst begins now, if any. `fresh` is true when something new is to be heard and the repeat must not be
 * waited for. Bursts never overlap: an alarm goes before the lost connection, which takes the next gap.
 */
export function nextBurst(
  sounding: Sounding,
  alarm: 'high' | 'medium' | null,
  lostForMs: number | null,
  fresh: boolean,
  now: number,
): { sounding: Sounding; burst: Signal | null } {
  const lost = lostForMs !== null && lostForMs >= LOST_SOUNDS_AFTER_MS
  const begun: Partial<Record<Signal, number>> = {}
  if (alarm !== null && sounding.begun[alarm] !== undefined) begun[alarm] = sounding.begun[alarm]
  if (lost && sounding.begun.lost !== undefined) begun.lost = sounding.begun.lost

  const due = (signal: Signal): boolean => now - (begun[signal] ?? -Infinity) >= REPEAT_MS[signal]
  let burst: Signal | null = null
  if (now >= sounding.busyUntil) {
    if (alarm !== null && (fresh || due(alarm))) burst = alarm
    else if (lost && due('lost')) burst = 'lost'
  }
  if (burst !== null) begun[burst] = now
  return {
    sounding: { begun, busyUntil: burst === null ? sounding.busyUntil : now + burstMs(burst) + PAUSE_MS },
    burst,
  }
}

export interface Pulse {
  /** Seconds from the start of the burst, and how long. */
  at: number
  length: number
  /** Fundamental, Hz. */
  pitch: number
}

/**
 * Pulse trains within the ranges of IEC 60601-1-8. High: 5 + 5 pulses of 75–200 ms, 50–125 ms apart, a wider gap
 * after the third, 0.35–1.3 s between the fives; medium: 3 pulses of 125–250 ms, 125–250 ms apart.
 */
export function pulses(signal: Signal): Pulse[] {
  switch (signal) {
    case 'high':
      return [0, 1.4].flatMap((begin) =>
        [0, 0.16, 0.32, 0.64, 0.8].map((at, index) => ({
          at: begin + at,
          length: 0.1,
          pitch: [523, 523, 523, 698, 880][index] ?? 523,
        })),
      )
    case 'medium':
      return [0, 0.4, 0.8].map((at, index) => ({ at, length: 0.2, pitch: [392, 392, 330][index] ?? 392 }))
    case 'lost':
      // Two long falling tones: like neither alarm.
      return [
        { at: 0, length: 0.45, pitch: 311 },
        { at: 0.55, length: 0.7, pitch: 208 },
      ]
  }
}

export function burstMs(signal: Signal): number {
  return Math.round(Math.max(...pulses(signal).map((pulse) => pulse.at + pulse.length)) * 1000)
}
