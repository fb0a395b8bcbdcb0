import type { Alert } from '../api/types'

/** A red SOS that nobody has taken, with what a test changes about it. The person is invented. */
export function alert(changes: Partial<Alert> = {}): Alert {
  return {
    id: 'a1',
    type: 'sos',
    severity: 'red',
    title: '紧急救援 · 本人呼救',
    state: 'triggered',
    attention: false,
    elder: { id: 'e1', name: '张桂兰' },
    device_id: 'wristband-1',
    device_kind: 'wristband',
    organization_id: 'o1',
    event_id: 'ev1',
    occurred_at: '2026-11-22T11:20:03+08:00',
    received_at: '2026-11-22T11:20:03+08:00',
    raised_at: '2026-11-22T11:20:03+08:00',
    late_seconds: 0,
    clock_suspect: false,
    location: { lat: 29.563, lon: 106.5516 },
    place: '龙岗街道北禅路12号1栋301',
    withheld: false,
    drill: false,
    occurrences: 1,
    confidence: null,
    version: 1,
    holder: null,
    ...(changes.occurred_at ? { received_at: changes.occurred_at } : {}),
    ...changes,
  }
}
