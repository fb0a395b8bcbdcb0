import { describe, expect, it } from 'vitest'
import { beijingClock, beijingDate, beijingMoment, duration, running } from './format'

describe('北京时间', () => {
  it('whatever the offset of the text, and whatever the zone of this machine', () => {
    expect(beijingClock('2026-11-22T03:20:03Z')).toBe('11:20:03')
    expect(beijingClock('2026-11-21T22:20:03-05:00')).toBe('11:20:03')
  })

  it('midnight is 00, and the day is that of Beijing', () => {
    expect(beijingClock('2026-11-21T16:00:00Z')).toBe('00:00:00')
    expect(beijingDate('2026-11-21T16:00:00Z')).toBe('11月22日 周日')
  })

  it('has the date with it when that is not today', () => {
    const now = Date.parse('2026-11-22T03:00:00Z')
    expect(beijingMoment('2026-11-21T16:00:01Z', now)).toBe('00:00:01')
    expect(beijingMoment('2026-11-21T15:59:59Z', now)).toBe('11月21日 23:59:59')
  })

  it('shows a dash for what is no time', () => {
    expect(beijingClock('soon')).toBe('—')
    expect(beijingMoment('', 0)).toBe('—')
  })
})

it('running seconds', () => {
  expect([0, 999, 133_000, 3_733_000, 86_400_000 * 2 + 5_000, -5_000].map(running)).toEqual([
    '00:00',
    '00:00',
    '02:13',
    '1:02:13',
    '2天 00:00:05',
    '00:00',
  ])
})

it('durations', () => {
  expect([45, 60, 720, 3600, 11_100, 200_000].map(duration)).toEqual([
    '45 秒',
    '1 分钟',
    '12 分钟',
    '1 小时',
    '3 小时 5 分钟',
    '2 天',
  ])
})
