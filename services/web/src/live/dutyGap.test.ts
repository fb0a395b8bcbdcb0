import { expect, it } from 'vitest'
import type { OnDuty } from '../api/dutyTypes'
import { gapWords } from './dutyGap'

const NOW = Date.parse('2026-11-30T18:00:00+08:00')
const duty = (more: Partial<OnDuty>): OnDuty => ({
  organization: { id: 'o', name: '站' },
  has_roster: true,
  people: [{ id: 'a', name: '陈静' }],
  until: null,
  next_gap: null,
  ...more,
})
const gap = (begins_at: string, ends_at: string) => ({ next_gap: { begins_at, ends_at } })

it('a gap is told twelve hours ahead, in Beijing’s hours', () => {
  const night = gap('2026-11-30T22:00:00+08:00', '2026-12-01T08:00:00+08:00')
  expect(gapWords(duty(night), NOW)).toBe('22:00 起无人当班，到 明天 08:00')
  expect(gapWords(duty(night), Date.parse('2026-11-30T09:59:00+08:00'))).toBeNull()
  expect(gapWords(duty(night), Date.parse('2026-12-01T01:00:00+08:00'))).toBe('现在无人当班，到 08:00')
  expect(gapWords(duty(night), Date.parse('2026-12-01T08:00:00+08:00'))).toBeNull()
})

it('that nobody is on shift now is told with its end', () => {
  expect(gapWords(duty({ people: [], until: '2026-11-30T20:00:00+08:00' }), NOW)).toBe('现在无人当班，到 20:00')
  expect(gapWords(duty({ people: [] }), NOW)).toBe('现在无人当班')
  expect(gapWords(duty({ people: [], until: '2026-11-30T17:59:00+08:00' }), NOW)).toBeNull()
})

it('where there is no roster, or somebody all the time, nothing is said', () => {
  expect(gapWords(duty({}), NOW)).toBeNull()
  expect(gapWords(duty({ has_roster: false, people: [] }), NOW)).toBeNull()
  expect(gapWords(null, NOW)).toBeNull()
})
