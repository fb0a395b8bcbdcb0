import { expect, it } from 'vitest'
import type { AlertDetail, DeviceEvent, TimelineEntry } from '../api/types'
import { alert } from '../testing/alert'
import { behind, safeWords, toldWords, unreached } from './reached'

const AT = '2026-11-22T11:20:03+08:00'
const NOW = Date.parse(AT)

function entry(kind: string, body: Record<string, unknown> | null, note: string | null = null): TimelineEntry {
  return { at: AT, kind, by: { id: 'p', name: '张晓兰' }, origin: null, note, body, version: 1 }
}
function event(told: DeviceEvent['told']): DeviceEvent {
  return {
    event_id: 'e', type: 'sos', occurred_at: AT, received_at: AT, device_ts: null, clock_suspect: false, late_seconds: 0,
    event_id_reused: false, battery: null, location: null, detail: null, cancelled: false, flaws: [], told,
  }
}

it('says whom nothing reached, and what to do', () => {
  const body = { why: 'caregiver', name: '张晓兰', end: 'unreached' }
  expect(unreached([entry('raised', null), entry('unreached', body)])).toEqual(['家属 张晓兰：所有通知方式都没有送达，请打电话'])
  expect(unreached(null)).toEqual([])
})

it('says what family says', () => {
  expect(safeWords([entry('family_safe', {}, '是误按')], NOW)).toEqual(['家属 张晓兰 11:20:03 确认安全：是误按'])
})

it('says the furthest that the device was told', () => {
  expect(toldWords([event({ stage: 'acknowledged', at: AT }), event({ stage: 'raised', at: AT })], NOW)).toBe('设备已提示老人：已接警（11:20:03）')
  expect(toldWords([event(null)], NOW)).toBe('还没有提示到老人的设备')
  expect(toldWords([], NOW)).toBeNull()
})

it('knows when a receipt is on its way', () => {
  const detail = (told: DeviceEvent['told']): AlertDetail => ({ ...alert({ state: 'acknowledged' }), timeline: [], events: [event(told)] })
  expect(behind(detail(null))).toBe(true)
  expect(behind(detail({ stage: 'raised', at: AT }))).toBe(true)
  expect(behind(detail({ stage: 'acknowledged', at: AT }))).toBe(false)
  expect(behind(detail(undefined))).toBe(false)
})
