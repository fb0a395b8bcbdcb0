import { expect, it } from 'vitest'
import type { HeldNow } from '../api/types'
import { coverWord, heldWords } from './held'

const NOW = Date.parse('2026-11-22T11:20:03+08:00')
const silence = {
  id: 'c1',
  kind: 'silence',
  reason: '校准手环',
  made_by: '陈静',
  until: '2026-11-22T18:00:00+08:00',
  alerts: 3,
  times: 7,
} as const
const held = (changes: Partial<HeldNow> = {}): HeldNow => ({
  alerts: 3,
  times: 7,
  until: silence.until,
  covers: [silence],
  ...changes,
})

it('says how many are held back and until when', () => {
  expect(heldWords(held(), NOW)).toBe('已静默 3 条，到 18:00:00')
  expect(heldWords(held({ until: '2026-11-24T08:00:00+08:00' }), NOW)).toBe('已静默 3 条，到 11月24日 08:00:00')
})

it('a cover that has held nothing yet is told too', () => {
  expect(heldWords(held({ alerts: 0, times: 0 }), NOW)).toBe('已静默 0 条，到 18:00:00')
})

it('says nothing when no cover is on, or nothing is known', () => {
  expect(heldWords(held({ alerts: 0, times: 0, until: null, covers: [] }), NOW)).toBeNull()
  expect(heldWords(null, NOW)).toBeNull()
  expect(heldWords(held(), Date.parse(silence.until))).toBeNull()
})

it('every kind of cover has a word', () => {
  expect((['silence', 'maintenance', 'hospital', 'holiday'] as const).map(coverWord)).toEqual(['静默', '维护', '住院', '外出'])
})
