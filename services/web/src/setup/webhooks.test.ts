import { expect, it } from 'vitest'
import { detailWord, stateOf, subjectWord, type Webhook } from './webhooks'

const WELL: Webhook = {
  id: 'w1', organization: { id: 'o1', name: '某站（虚构）' }, label: '平台（虚构）', url: 'https://platform.example/', subjects: ['elder'],
  made_at: '2026-11-30T00:00:00Z', made_by: '李某（虚构）', paused_at: null, paused_why: null, delivered_at: null,
  failing_since: null, failures: 0, failure: null, next_at: null,
}

it.each([
  [{}, '正常', false],
  [{ failures: 3 }, '连续 3 次没有发成，正在重试', true],
  [{ failures: 3, paused_why: 'asked' as const }, '已暂停', false],
  [{ failures: 99, paused_why: 'failing' as const }, '对方一天没有收下，已暂停', true],
  [{ paused_why: 'gone' as const }, '对方说地址已停用，已暂停', true],
])('%o is said', (changes, word, bad) => {
  expect(stateOf({ ...WELL, ...changes })).toEqual({ word, bad })
})

it('why something was not taken is said in words', () => {
  expect(['no connection (ConnectError)', 'no answer within 8 s', 'HTTP 500'].map(detailWord)).toEqual(['连不上', '没有回答', 'HTTP 500'])
})

it('what is tried is no subject', () => {
  expect(['elder', 'webhook'].map(subjectWord)).toEqual(['老人', '试发'])
})
