import { expect, it } from 'vitest'
import type { FamilyAlert, FamilyElder } from './types'
import { channelState, progressOf, stateOf } from './words'

const NOW = Date.parse('2026-11-30T12:00:00Z')

function alert(changes: Partial<FamilyAlert> = {}): FamilyAlert {
  return {
    id: 'a1',
    type: 'sos',
    title: '紧急救援 · 本人呼救',
    severity: 'red',
    state: 'triggered',
    open: true,
    drill: false,
    attention: false,
    raised_at: '2026-11-30T11:59:00Z',
    occurrences: 1,
    station: '某站（虚构）',
    station_phone: null,
    holder: null,
    on_the_way: null,
    safe: [],
    told: null,
    location: null,
    place: null,
    steps: [],
    ...changes,
  }
}

function elder(alerts: FamilyAlert[], seen: string | null = '2026-11-30T11:58:00Z'): FamilyElder {
  const device = { device_id: 'w', kind: 'wristband', online: true, last_seen_at: seen, battery: 80 }
  return { id: 'e', name: '某老人（虚构）', consents: [], phone: null, last_seen_at: seen, devices: [device], alerts }
}

it.each([
  [elder([]), '没有告警', 'calm'],
  [elder([alert()]), '紧急救援正在处理', 'danger'],
  [elder([alert({ severity: 'yellow' })]), '有 1 条告警正在处理', 'warning'],
  [elder([alert({ drill: true })]), '正在演练，不是真实告警', 'calm'],
  [elder([alert({ open: false })]), '没有告警', 'calm'],
  [elder([], '2026-11-29T11:00:00Z'), '设备超过一天没有消息', 'warning'],
  [elder([], null), '设备还没有上报过', 'warning'],
])('%#: how an elder is', (one, words, tone) => {
  expect(stateOf(one, NOW)).toEqual({ words, tone })
})

it('says who is on the way, and when they come', () => {
  const way = { responder: '赵某', eta_minutes: 8, since: '2026-11-30T11:59:30Z' }
  expect(progressOf(alert({ state: 'dispatched', on_the_way: way }), NOW)).toBe('赵某正在路上，预计 8 分钟到（19:59:30 出发）')
  expect(progressOf(alert({ state: 'dispatched' }), NOW)).toBe('已派人前往')
})

it('says when a channel is no more', () => {
  const channel = {
    id: 'c', kind: 'web_push', label: '手机', position: 1, least: 'blue', service: 'x', worked_at: null,
    failed_at: null, failure: null, gone_at: null, test: null,
  } as const
  expect(channelState(channel, NOW).words).toBe('还没有用过，请发一条测试')
  expect(channelState({ ...channel, gone_at: '2026-11-30T11:00:00Z' }, NOW).tone).toBe('danger')
  expect(channelState({ ...channel, failed_at: '2026-11-30T11:00:00Z', failure: 'HTTP 500' }, NOW).words).toContain('HTTP 500')
})
