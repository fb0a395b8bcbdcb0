import { expect, it } from 'vitest'
import { sentence, standing, type ServiceRequest } from './requests'

const request = (changes: Partial<ServiceRequest> = {}): ServiceRequest => ({
  id: 'r1',
  service: '物品代购',
  words: null,
  state: 'open',
  elder: { id: 'e1', name: '张桂兰' },
  device_id: 'watch-0001',
  asked_by: null,
  requested_at: '2026-11-22T11:20:03Z',
  holder: null,
  assigned_to: null,
  steps: ['accept', 'assign', 'withdraw'],
  version: 1,
  ...changes,
})

it('the line says how many there are, and how many nobody has yet', () => {
  expect(sentence([request(), request({ state: 'assigned' })], false)).toBe('服务请求 2 件，1 件待受理')
  expect(sentence([request({ state: 'accepted' })], true)).toBe('服务请求 1 件以上')
})

it('a request says where it stands, and with whom', () => {
  expect(standing(request())).toBe('待受理')
  const held = { state: 'assigned', holder: { id: 'a', name: '陈静' }, assigned_to: '某超市（虚构）' } as const
  expect(standing(request(held))).toBe('已派单 某超市（虚构），陈静 负责')
})
