import { describe, expect, it } from 'vitest'
import type { RehearsedCall } from '../api/dutyTypes'
import { afterWords, callWords, daysWords, dayWords, hours, spanWords } from './wording'

describe('times', () => {
  it('of a shift go over midnight in words', () => {
    expect(hours('08:00', '20:00')).toBe('08:00–20:00')
    expect(hours('20:00', '08:00')).toBe('20:00–次日 08:00')
    expect(hours('16:00', '00:00')).toBe('16:00–24:00')
    expect(hours('00:00', '00:00')).toBe('全天')
  })
  it('of a gap are Beijing’s', () => {
    const span = { begins_at: '2026-12-05T00:00:00Z', ends_at: '2026-12-05T12:00:00Z' }
    expect(spanWords(span)).toMatch(/12\/5.*08:00 至 20:00$/)
    expect(spanWords({ ...span, ends_at: '2026-12-06T00:00:00Z' })).toMatch(/至 12\/6.*08:00$/)
  })
  it('of a step are short', () => {
    expect([0, 30, 60, 90, 180, 3600].map(afterWords)).toEqual(['立即', '30 秒后', '1 分钟后', '1 分 30 秒后', '3 分钟后', '1 小时后'])
  })
})

it('days are told by their kind, and a day worked for a holiday by both', () => {
  expect(daysWords(['workday', 'rest', 'holiday'])).toBe('每天')
  expect(daysWords(['rest', 'holiday'], [6, 5])).toBe('休息日、法定节假日（仅周六、日）')
  expect(dayWords({ day: '2026-02-14', kind: 'workday', name: '春节', known: true, said: false })).toBe('春节调休上班')
  expect(dayWords({ day: '2026-02-17', kind: 'holiday', name: '春节', known: true, said: true })).toBe('春节（本地设定）')
})

it('a rehearsed call says who, and that nobody is', () => {
  const call: RehearsedCall = {
    after_seconds: 0,
    at: '',
    stage: 'unanswered',
    who: ['caregivers', 'duty'],
    organization: null,
    people: [],
    attention: false,
    nobody_on_duty: true,
  }
  expect(callWords(call)).toBe('通知该老人的家属；值班表上无人当班')
  const told = { ...call, who: ['tier_above' as const], nobody_on_duty: false, organization: { id: 'o', name: '街道' } }
  expect(callWords({ ...told, people: [{ id: 'a', name: '周建军', why: 'tier' }] })).toBe('街道的屏幕也显示；通知周建军')
  expect(callWords({ ...told, organization: null })).toBe('没有可通知的人')
})
