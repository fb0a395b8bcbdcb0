import { expect, it } from 'vitest'
import type { AlertState, Severity } from '../api/types'
import { alert } from '../testing/alert'
import { moveWord, nextStep, outcomesFor, place, severityWord, stateWord, subject } from './wording'

const STATES: AlertState[] = ['triggered', 'acknowledged', 'dispatched', 'arrived', 'resolved', 'followed_up', 'cancelled']

it('every state says what it is and what to do now, in Chinese', () => {
  for (const state of STATES) {
    expect(stateWord(state)).toMatch(/^[\u4e00-\u9fff]+$/)
    expect(nextStep(alert({ state }))).toMatch(/[\u4e00-\u9fff]{3}/)
  }
})

it('every severity has a level and a word, none by colour alone', () => {
  const words = (['red', 'orange', 'yellow', 'blue'] as Severity[]).map(severityWord)
  expect(words.map((word) => word.split('·')[0])).toEqual(['一级', '二级', '三级', '四级'])
  expect(words[0]).toBe('一级·紧急救援')
})

it('a first answer is 接警, an answer to another press 再次接警, a second responder 加派人员', () => {
  expect(moveWord(alert(), 'acknowledge')).toBe('接警')
  expect(moveWord(alert({ state: 'arrived', attention: true }), 'acknowledge')).toBe('再次接警')
  expect(moveWord(alert({ state: 'acknowledged' }), 'dispatch')).toBe('派员')
  expect(moveWord(alert({ state: 'dispatched' }), 'dispatch')).toBe('加派人员')
})

it('演练 is an outcome of drills only', () => {
  const outcomes = (drill: boolean) => outcomesFor(alert({ drill })).map(({ outcome }) => outcome)
  expect(outcomes(false)).toEqual(['assisted', 'hospital', 'false_alarm', 'accidental', 'test'])
  expect(outcomes(true)).toContain('drill')
})

it('without a known elder or an address it says what is known instead', () => {
  const unknown = alert({ elder: null, place: null })
  expect(subject(unknown)).toBe('未登记老人')
  expect(place(unknown)).toBe('无登记地址，有定位坐标，手环 wristband-1')
  expect(place(alert({ place: null, location: null, withheld: true }))).toBe('已处置，位置已收起')
})
