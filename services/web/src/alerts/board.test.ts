import { describe, expect, it } from 'vitest'
import { alert } from '../testing/alert'
import { createBoard } from './board'

describe('the board', () => {
  it('never goes back to an older version', () => {
    const board = createBoard()
    board.apply(alert({ version: 3, state: 'resolved' }))
    expect(board.apply(alert({ version: 2 }))).toEqual([])
    expect(board.open.value).toEqual([])
    expect(board.closed.value.map(({ id }) => id)).toEqual(['a1'])
  })

  it('takes the whole list: what is missing from it is no longer open, what was closed stays known', () => {
    const board = createBoard()
    board.apply(alert({ id: 'gone' }))
    board.apply(alert({ id: 'closed', state: 'resolved' }))
    const heard = board.replace([alert({ id: 'new' })])
    expect(board.open.value.map(({ id }) => id)).toEqual(['new'])
    expect(board.closed.value.map(({ id }) => id)).toEqual(['closed'])
    expect(heard.map(({ alert: { id }, news }) => [id, news])).toEqual([['new', 'raised']])
  })

  it('a list that was made before an answer does not undo the answer', () => {
    const board = createBoard()
    board.apply(alert({ version: 5, state: 'acknowledged' }))
    board.replace([alert({ version: 4 })])
    expect(board.open.value[0]?.state).toBe('acknowledged')
  })

  it('cancelled alerts leave the list and are not among those to follow up', () => {
    const board = createBoard()
    board.apply(alert({ severity: 'orange', type: 'fall' }))
    board.apply(alert({ severity: 'orange', type: 'fall', state: 'cancelled', version: 2 }))
    expect(board.open.value).toEqual([])
    expect(board.closed.value).toEqual([])
  })

  it('forgets the oldest of many closed alerts, never an open one', () => {
    const board = createBoard()
    board.apply(alert({ id: 'open', raised_at: '2020-01-01T00:00:00Z' }))
    for (let n = 0; n < 80; n++) {
      const raised = new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString()
      board.apply(alert({ id: `c${n}`, state: 'resolved', raised_at: raised }))
    }
    expect(board.open.value).toHaveLength(1)
    expect(board.closed.value).toHaveLength(60)
    expect(board.closed.value[0]?.id).toBe('c79')
  })
})
