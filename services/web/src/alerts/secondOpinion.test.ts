import { expect, it } from 'vitest'
import type { TimelineEntry } from '../api/types'
import { opinionSentence, opinionWords } from './secondOpinion'

function entry(body: Record<string, unknown> | null, kind = 'second_opinion'): TimelineEntry {
  return { at: '2026-11-22T11:20:03+08:00', kind, by: null, origin: null, note: null, body, version: 1 }
}

const fall = { confidence: 0.95, peak_g: 3.84, clipped_at_g: null, still_s: 5.7, turn_degrees: 40 }

it('says what it looked like, and that nothing may be called off for it', () => {
  expect(opinionSentence([entry(null, 'raised'), entry(fall)])).toBe(
    '加速度分析：很像跌倒（撞击 3.8 g，随后静止 6 秒）；不能据此取消',
  )
})

it('has words for doubt, and asks to check all the same', () => {
  expect(opinionWords({ ...fall, confidence: 0.35, still_s: 0, turn_degrees: 88 })).toBe(
    '可能是跌倒（撞击 3.8 g，随后仍在活动，手臂方向变了）',
  )
  expect(opinionWords({ ...fall, confidence: 0.1 })).toContain('不太像跌倒，仍须核实')
})

it('says at least where the sensor could not feel more, and nothing of what was not seen', () => {
  expect(opinionWords({ ...fall, peak_g: 3.3, clipped_at_g: 2, still_s: null, turn_degrees: null })).toBe(
    '很像跌倒（撞击至少 3.3 g）',
  )
})

it('takes the strongest of several falls', () => {
  const sentence = opinionSentence([entry(fall), entry({ confidence: null, reason: 'no' }), entry({ ...fall, confidence: 0.05 })])
  expect(sentence).toContain('很像跌倒')
})

it('says when nothing can be read of it, and nothing when nothing was felt or it is put away', () => {
  expect(opinionSentence([entry({ confidence: null, reason: 'unit is one of m/s2, g' })])).toContain('数据读不出，没有结论')
  expect(opinionSentence([entry(null, 'raised')])).toBeNull()
  expect(opinionSentence([entry(null)])).toBeNull()
  expect(opinionSentence(null)).toBeNull()
})
