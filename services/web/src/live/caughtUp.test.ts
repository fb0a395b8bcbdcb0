import { expect, it } from 'vitest'
import { alert } from '../testing/alert'
import { caughtUp, known } from './caughtUp'

it('counts what is new, what changed and what is gone', () => {
  const before = known([alert({ id: 'stays' }), alert({ id: 'taken' }), alert({ id: 'gone' })])
  const after = known([alert({ id: 'stays' }), alert({ id: 'taken', state: 'acknowledged' }), alert({ id: 'new' })])
  expect(caughtUp(before, after)).toEqual({ total: 3, raised: 1 })
})

it('does not count that this screen has shown an alert', () => {
  const after = known([alert({ version: 2, seen_at: '2026-11-22T11:20:05+08:00' })])
  expect(caughtUp(known([alert()]), after)).toEqual({ total: 0, raised: 0 })
})

it('counts another press', () => {
  expect(caughtUp(known([alert()]), known([alert({ occurrences: 2 })])).total).toBe(1)
})
