import { expect, it } from 'vitest'
import type { DrillPress } from '../api/proofTypes'
import { overWhy, percent, pressWord, seconds } from './wording'

const press: DrillPress = { device_id: 'b-1', kind: null, elder: null, pressed_at: null, alert_id: null, state: null, outcome: null, answer_seconds: null, other_presses: 0 }

it('a press that did not come is missing only once the drill is over', () => {
  expect(pressWord(press, false)).toBe('等待按下')
  expect(pressWord(press, true)).toBe('没有按下')
  expect(pressWord({ ...press, pressed_at: '2026-11-22T11:20:03+08:00' }, true)).toBe('已响铃，没有人接警')
  expect(pressWord({ ...press, pressed_at: '2026-11-22T11:20:03+08:00', answer_seconds: 4.24 }, true)).toBe('4.2 秒接警')
})

it('says why a drill is over', () => {
  expect(overWhy({ over_why: 'call_off', over_by: { id: '1', name: '王芳' } })).toBe('由王芳叫停')
  expect(overWhy({ over_why: null, over_by: null })).toBe('')
})

it('a share is never rounded up to its target', () => {
  expect(percent(0.94999)).toBe('94.9%')
  expect(percent(0.95)).toBe('95.0%')
  expect(percent(0.57)).toBe('57.0%')
  expect(percent(null)).toBe('—')
})

it('seconds as people say them', () => {
  expect([4.24, 59.9, 60, 72, 3599.8, 7200].map(seconds)).toEqual(['4.2 秒', '59.9 秒', '1 分钟', '1 分钟 12 秒', '60 分钟', '2 小时'])
})
