import { expect, it } from 'vitest'
import { alert } from '../testing/alert'
import { news } from './changes'

it('a new alert is news, and so is one that this screen knew as closed', () => {
  expect(news(undefined, alert())).toBe('raised')
  expect(news(alert({ state: 'cancelled' }), alert())).toBe('raised')
})

it('another press is news, before somebody has it and after', () => {
  expect(news(alert(), alert({ occurrences: 2 }))).toBe('pressed_again')
  const held = alert({ state: 'dispatched' })
  expect(news(held, { ...held, occurrences: 2, attention: true })).toBe('pressed_again')
})

it('a fall that turns red is news', () => {
  expect(news(alert({ severity: 'orange' }), alert())).toBe('worsened')
})

it('what people do is not', () => {
  expect(news(alert(), alert({ state: 'acknowledged' }))).toBeNull()
  expect(news(alert(), alert({ seen_at: '2026-11-22T11:20:05+08:00', version: 2 }))).toBeNull()
  expect(news(undefined, alert({ state: 'acknowledged' }))).toBeNull()
  expect(news(undefined, alert({ state: 'resolved' }))).toBeNull()
})
