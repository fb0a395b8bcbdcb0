import { expect, it } from 'vitest'
import type { Consent } from '../api/setupTypes'
import { consentRows, givenWords, PURPOSE_ORDER, suggested, whoSees } from './consents'

const NOW = Date.parse('2026-11-30T18:00:00+08:00')
const one = (more: Partial<Consent> = {}): Consent => ({
  id: 'c1',
  purpose: 'family_alerts',
  text: '同意（虚构）',
  given_at: '2026-11-30T12:00:00+08:00',
  given_by: '本人',
  recorded_by: '陈静',
  withdrawn_at: null,
  withdrawn_by: null,
  ...more,
})

it('each purpose is shown, with what is in force alone', () => {
  const old = one({ id: 'c0', withdrawn_at: '2026-11-30T12:30:00+08:00' })
  expect(consentRows([one(), old, one({ purpose: 'family_vitals', withdrawn_at: '2026-11-30T12:30:00+08:00' })]).map(({ now }) => now?.id)).toEqual(['c1', undefined, undefined])
})

it('who agreed and who wrote it down', () => {
  expect(givenWords(one(), NOW)).toBe('12:00:00 由本人同意，陈静 登记')
  expect(givenWords(one({ given_by: null }), NOW)).toContain('没有记下由谁同意')
})

it('family that sees nothing is told of', () => {
  const family = [{ id: 'f', name: '张晓兰' }]
  expect(whoSees({ items: [], family })).toBe('家属账号：张晓兰，现在什么也看不到。')
  expect(whoSees({ items: [one()], family })).toBe('家属账号：张晓兰。')
  expect(whoSees({ items: [one()], family: [] })).toContain('还没有绑定')
})

it('each purpose has words to begin with, and says how to take it back', () => {
  for (const purpose of PURPOSE_ORDER) expect(suggested(purpose, '张桂兰')).toMatch(/^本人张桂兰同意.*撤回。$/)
})
