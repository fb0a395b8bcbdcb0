import { expect, it } from 'vitest'
import { asksTwice, happened, offered, standing, whereabouts, type Task } from './task'

const task = (changes: Partial<Task> = {}): Task => ({
  state: 'asked',
  taken_by: null,
  me: '冉某（虚构）',
  type: 'sos',
  severity: 'red',
  title: '紧急救援 · 本人呼救',
  drill: false,
  occurred_at: '2026-11-22T11:20:03Z',
  acknowledged: false,
  street: '北禅社区安和路',
  away: false,
  metres: 110,
  station: '北禅社区养老服务站',
  station_phone: '023-0001-0003',
  elder: null,
  answers: ['decline', 'accept'],
  ...changes,
})

it('before anybody goes it says the street and the distance, and nobody’s name', () => {
  expect(happened(task())).toBe('一位老人按了紧急呼救')
  expect(whereabouts(task())).toBe('北禅社区安和路，离您约 110 米')
  expect(whereabouts(task({ street: null, metres: null }))).toBe('北禅社区养老服务站附近')
  expect(whereabouts(task({ away: true }))).toBe('老人不在家，地点见接受后的地图，离您约 110 米')
  expect(happened(task({ type: 'rule.stillness' }))).toBe('一位老人需要有人上门看看')
})

it('what may be said now is offered in one order, the next step first', () => {
  expect(offered(task())).toEqual(['accept', 'decline'])
  expect(offered(task({ answers: ['arrive', 'help', 'done', 'decline'] }))).toEqual(['arrive', 'done', 'help', 'decline'])
})

it('who goes learns whether a station knows', () => {
  expect(standing(task({ state: 'accepted' }))).toContain('还没有人接警')
  expect(standing(task({ state: 'accepted', acknowledged: true }))).not.toContain('还没有人接警')
  expect(standing(task({ state: 'taken', taken_by: '李某（虚构）' }))).toContain('李某（虚构）已经前往')
})

it('only giving up is asked twice', () => {
  expect(asksTwice(task({ state: 'accepted' }), 'decline')).toBe(true)
  expect(asksTwice(task(), 'decline')).toBe(false)
  expect(asksTwice(task({ state: 'accepted' }), 'help')).toBe(false)
})
