import { expect, it } from 'vitest'
import type { AskedResponder } from '../api/types'
import { askedSentence, distanceWord, inOrder, nearbyWords, nearWords } from './nearby'

const one = (name: string, state: AskedResponder['state']): AskedResponder => ({
  id: name,
  name,
  kind: 'grid_worker',
  skills: [],
  phone: '023-0002-0001',
  metres: 120,
  asked_at: '2026-11-22T11:20:03Z',
  state,
  answered_at: null,
  note: null,
})

it('a distance says no more than is known', () => {
  expect([null, 3, 114, 996, 1500, 264_158].map(distanceWord)).toEqual([
    '距离不详',
    '约 10 米',
    '约 110 米',
    '约 1000 米',
    '约 1.5 公里',
    '约 264 公里',
  ])
})

it('who goes stands first', () => {
  const asked = [one('甲', 'declined'), one('乙', 'asked'), one('丙', 'accepted')]
  expect(inOrder(asked).map((each) => each.name)).toEqual(['丙', '乙', '甲'])
  expect(askedSentence(asked)).toBe('丙（网格员）正在路上')
  expect(askedSentence(asked.slice(0, 2))).toBe('已请 2 人，1 人还没答复')
  expect(askedSentence(asked.slice(0, 1))).toBe('已请 1 人，都去不了')
  expect(askedSentence([])).toBe('还没有请附近的人')
  const nobody = { at: '', kind: 'asked', by: null, origin: null, note: null, version: 2, body: { responders: [] } }
  expect(askedSentence([], [nobody])).toBe('附近没有登记的、现在能去的人')
  expect(askedSentence(asked.slice(1, 2), [nobody])).toBe('已请 1 人，1 人还没答复；附近没有更多的人')
})

it('the timeline names who was asked, and how far from home somebody is', () => {
  const entry = { at: '', by: null, origin: null, note: null, version: 1 }
  const responders = [{ name: '甲', metres: 110 }, { name: '乙', metres: null }]
  expect(nearbyWords({ ...entry, kind: 'asked', body: { responders } })).toEqual(['甲 约 110 米、乙 距离不详'])
  expect(nearbyWords({ ...entry, kind: 'asked', body: { responders: [] } })).toEqual(['附近没有可以前往的人'])
  expect(nearbyWords({ ...entry, kind: 'shared', body: { name: '某站', metres: 185_256 } })).toEqual(['某站', '离家约 185 公里'])
  expect(nearbyWords({ ...entry, kind: 'shared', body: null })).toEqual([])
})

it('whoever could be sent is told with what became of asking them', () => {
  const near = { id: 'r', name: '王芳', kind: 'grid_worker', skills: ['急救', '有钥匙'], phone: '1', metres: 114, state: null }
  expect(nearWords(near)).toBe('网格员 · 约 110 米 · 急救 · 有钥匙')
  expect(nearWords({ ...near, skills: [], metres: null, state: 'asked' })).toBe('网格员 · 距离不详 · 已请，等待答复')
  expect(nearWords({ ...near, skills: [], state: 'declined' })).toBe('网格员 · 约 110 米 · 去不了')
})
