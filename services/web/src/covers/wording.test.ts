import { expect, it } from 'vitest'
import type { Cover, HeldAlert } from '../api/coverTypes'
import { heldBy, heldSubject, onlyTypes, overWhat } from './wording'

const none = { elder: null, organization: null, device_ids: [] }
const held: HeldAlert = {
  id: 'h1',
  reason: 'silence',
  cover_id: 'c1',
  type: 'tamper',
  severity: 'yellow',
  title: '设备拆动',
  elder: null,
  device_id: 'wristband-1',
  organization_id: 'o1',
  times: 2,
  first_at: '2026-11-23T09:00:00+08:00',
  last_at: '2026-11-23T09:10:00+08:00',
  alert_id: null,
}

it('says what is covered', () => {
  expect(overWhat({ ...none, elder: { id: 'e1', name: '张桂兰' } })).toBe('张桂兰')
  expect(overWhat({ ...none, organization: { id: 'o1', name: '龙岗街道' } })).toBe('龙岗街道（含下属）')
  expect(overWhat({ ...none, device_ids: ['a', 'b'] })).toBe('2 台设备：a、b')
  expect(overWhat({ ...none, device_ids: ['a', 'b', 'c', 'd'] })).toBe('4 台设备：a、b、c等')
  expect(onlyTypes(['rule.heart_rate_high', 'tamper'], new Map([['rule.heart_rate_high', '心率过高']]))).toBe('心率过高、拆动')
})

it('says what held an alert back, and who wanted it', () => {
  const cover = { id: 'c1', reason: '校准手环', made_by: { id: 'p1', name: '陈静' } } as Cover
  expect(heldBy(held, new Map([['c1', cover]]))).toBe('静默：校准手环（陈静）')
  expect(heldBy(held, new Map())).toBe('静默')
  expect(heldBy({ ...held, reason: 'inhibition', cover_id: null }, new Map())).toBe('同一原因已有更严重的告警')
  expect(heldSubject(held)).toBe('设备 wristband-1')
})
