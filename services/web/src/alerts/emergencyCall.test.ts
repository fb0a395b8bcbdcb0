import { expect, it } from 'vitest'
import type { Elder } from '../api/types'
import { alert } from '../testing/alert'
import { calledWith, callSentence, dialled, spoken } from './emergencyCall'

const elder: Elder = {
  id: 'e1',
  organization_id: 'o1',
  name: '张桂兰',
  gender: 'female',
  birth_date: '1943-05-01',
  age: 83,
  phone: '13800001000',
  address: '重庆市大足区龙岗街道北禅路12号1栋301',
  ability_level: 'moderate',
  living_situation: '独居',
  care_categories: [],
  contacts: [{ name: '张伟', relation: '儿子', phone: '13900002222' }],
  position: null,
  health_notes: null,
  entry_notes: null,
  withheld: false,
}

it('says where, who, how old, what happened and the telephone, in this order', () => {
  expect(callSentence(alert(), elder)).toBe(
    '重庆市大足区龙岗街道北禅路12号1栋301，张桂兰，女，83 岁，本人按了紧急呼救，电话 138 0000 1000。',
  )
})

it('says where somebody is who is away from home, not where nobody is', () => {
  const place = '不在家，离家约 189 公里，定位北纬 30.65500 东经 104.08000（住址：北禅路12号1栋301）'
  expect(callSentence(alert({ place }), elder)).toMatch(/^不在家，离家约 189 公里，定位北纬 30\.65500/)
})

it('takes the first contact when the elder has no telephone, and counts the presses', () => {
  expect(callSentence(alert({ occurrences: 3 }), { ...elder, phone: null })).toContain('紧急呼救 3 次，电话 139 0000 2222')
})

it('says what the alert itself knows before the card is there, or when nobody is registered', () => {
  expect(callSentence(alert(), null)).toBe('龙岗街道北禅路12号1栋301，张桂兰，本人按了紧急呼救。')
  expect(callSentence(alert({ elder: null, place: null, type: 'gas' }), null)).toBe(
    '坐标北纬 29.56300 东经 106.55160，一位老人，家中燃气泄漏报警。',
  )
  expect(callSentence(alert({ elder: null, place: null, location: null }), null)).toMatch(/^地址不详/)
})

it('says what was measured when a rule on readings raised it', () => {
  const sentence = '心率 156 次/分，持续 6 分钟，高于本人上限 150'
  const rule = { id: 'r1', version: 1, sentence, evidence: {} }
  expect(callSentence(alert({ type: 'rule.heart_rate_critical', rule, occurrences: 2 }), elder)).toContain(`83 岁，${sentence}，电话`)
})

it('begins with 演练 in a drill, so that nobody sends an ambulance', () => {
  expect(callSentence(alert({ drill: true }), elder)).toMatch(/^（演练）/)
})

it('names whom to call: fire and gas are not for an ambulance alone', () => {
  expect(calledWith(alert())).toBe('报 120')
  expect(calledWith(alert({ type: 'gas' }))).toBe('报 119')
  expect(calledWith(alert({ type: 'water_leak' }))).toBe('转告物业')
})

it('groups digits to be read aloud, and dials without them', () => {
  expect(spoken('023-43721100')).toBe('023 4372 1100')
  expect(spoken('12345')).toBe('12345')
  expect(dialled('023-4372 1100')).toBe('tel:02343721100')
})
