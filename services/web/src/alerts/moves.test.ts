import { describe, expect, it } from 'vitest'
import type { AlertState, Move } from '../api/types'
import { alert } from '../testing/alert'
import { nextMove, otherMoves, plainBody } from './moves'

// ARCHITECTURE.md's state table, as the operator's buttons: state, big button, small buttons.
const TABLE: readonly [AlertState, Move | null, Move[]][] = [
  ['triggered', 'acknowledge', []],
  ['acknowledged', 'dispatch', ['resolve']],
  ['dispatched', 'arrive', ['dispatch', 'resolve']],
  ['arrived', 'resolve', []],
  ['resolved', 'follow_up', []],
  ['followed_up', null, ['follow_up']],
  ['cancelled', null, []],
]

describe('buttons', () => {
  it.each(TABLE)('%s', (state, big, small) => {
    expect(nextMove(alert({ state }))).toBe(big)
    expect(otherMoves(alert({ state }))).toEqual(small)
  })

  it('after another press the big one is 再次接警, and the rest stays', () => {
    const again = alert({ state: 'acknowledged', attention: true, occurrences: 3 })
    expect(nextMove(again)).toBe('acknowledge')
    expect(otherMoves(again)).toEqual(['dispatch', 'resolve'])
  })

  it('are those that the server allows', () => {
    const limited = alert({ state: 'acknowledged', moves: ['resolve'] })
    expect(nextMove(limited)).toBeNull()
    expect(otherMoves(limited)).toEqual(['resolve'])
  })
})

it('an answer to another press says which one was seen, and of what version; a first answer says nothing', () => {
  expect(plainBody(alert({ state: 'acknowledged', attention: true, occurrences: 3 }), 'acknowledge')).toEqual({
    occurrences: 3,
    version: 1,
  })
  expect(plainBody(alert(), 'acknowledge')).toEqual({})
  expect(plainBody(alert({ state: 'dispatched', attention: true, occurrences: 3 }), 'arrive')).toEqual({})
})
