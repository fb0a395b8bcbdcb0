import { expect, test } from 'vitest'
import type { Heard } from '../alerts/board'
import { alert } from '../testing/alert'
import { selectionAfter } from './selection'

const heard = (...alerts: ReturnType<typeof alert>[]): Heard[] => alerts.map((each) => ({ alert: each, news: 'raised' }))

const taken = alert({ id: 'taken', state: 'acknowledged', severity: 'yellow' })
const red = alert({ id: 'red' })
const newer = alert({ id: 'newer' })
const yellow = alert({ id: 'yellow', severity: 'yellow' })

test('the first alert is shown at once', () => {
  expect(selectionAfter(null, [yellow], heard(yellow))).toBe('yellow')
})

test('a red one replaces a yellow one that nobody has taken', () => {
  expect(selectionAfter('yellow', [red, yellow], heard(red))).toBe('red')
})

test.each([
  ['red and open', red],
  ['red and taken', alert({ id: 'red', state: 'dispatched' })],
  ['yellow and taken', taken],
])('a new red one does not replace one in hand: %s', (_, selected) => {
  expect(selectionAfter(selected.id, [newer, selected], heard(newer))).toBe(selected.id)
})

test('a new yellow one replaces nothing that is open', () => {
  const other = alert({ id: 'other', severity: 'yellow' })
  expect(selectionAfter('yellow', [yellow, other], heard(other))).toBe('yellow')
})

test('after the one in hand is closed, what comes in next is shown, the worst of all that wait', () => {
  expect(selectionAfter('closed', [red, yellow], heard(yellow))).toBe('red')
})

test('a closed one stays to be read while nothing comes in', () => {
  expect(selectionAfter('closed', [yellow], [])).toBe('closed')
})

test('with nothing open there is nothing to go to', () => {
  expect(selectionAfter('closed', [], [])).toBe('closed')
  expect(selectionAfter(null, [], [])).toBe(null)
})
