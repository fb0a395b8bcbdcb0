import { describe, expect, it } from 'vitest'
import type { Alert } from '../api/types'
import { alert } from '../testing/alert'
import { byFollowUp, byUrgency, cancellable, waiting } from './ordering'

const ids = (list: Alert[]): string[] => list.map(({ id }) => id)

describe('the list', () => {
  it('has the worst first, in a colour those pressed again, then those that wait longest', () => {
    const list = [
      alert({ id: 'blue', severity: 'blue', occurred_at: '2026-11-20T00:00:00Z' }),
      alert({ id: 'red-late', occurred_at: '2026-11-22T03:00:00Z' }),
      alert({ id: 'yellow', severity: 'yellow', attention: true, state: 'arrived' }),
      alert({ id: 'red-again', occurred_at: '2026-11-22T04:00:00Z', state: 'dispatched', attention: true }),
      alert({ id: 'orange', severity: 'orange' }),
      alert({ id: 'red-early', occurred_at: '2026-11-22T02:00:00Z', state: 'acknowledged' }),
    ]
    expect(ids(list.sort(byUrgency))).toEqual(['red-again', 'red-early', 'red-late', 'orange', 'yellow', 'blue'])
  })

  it('has who is in need before any drill of their colour: thirty rows of a drill must not hide them', () => {
    const list = [
      alert({ id: 'drill-again', drill: true, attention: true, state: 'acknowledged' }),
      alert({ id: 'drill', drill: true, occurred_at: '2026-11-22T02:00:00Z' }),
      alert({ id: 'red', occurred_at: '2026-11-22T04:00:00Z' }),
      alert({ id: 'orange', severity: 'orange' }),
    ]
    expect(ids(list.sort(byUrgency))).toEqual(['red', 'drill-again', 'drill', 'orange'])
  })

  it('compares instants, not their spelling', () => {
    const noon = alert({ id: 'noon', occurred_at: '2026-11-22T12:00:00+08:00' })
    const five = alert({ id: 'five', occurred_at: '2026-11-22T05:00:00Z' })
    expect(ids([five, noon].sort(byUrgency))).toEqual(['noon', 'five'])
  })

  it('takes no wait for shorter because a device has its clock ahead', () => {
    const ahead = alert({ id: 'ahead', occurred_at: '2026-11-22T12:04:00+08:00', received_at: '2026-11-22T11:59:00+08:00' })
    const noon = alert({ id: 'noon', occurred_at: '2026-11-22T12:00:00+08:00' })
    expect(ids([noon, ahead].sort(byUrgency))).toEqual(['ahead', 'noon'])
  })

  it('does not depend on the order of arrival when all else is equal', () => {
    expect(ids([alert({ id: 'b' }), alert({ id: 'a' })].sort(byUrgency))).toEqual(['a', 'b'])
  })

  it('shows a severity of a later server at the top', () => {
    const unknown = alert({ id: 'unknown', severity: 'purple' as never })
    expect(ids([alert({ id: 'red' }), unknown].sort(byUrgency))).toEqual(['unknown', 'red'])
  })
})

it('an alert waits while nobody has it, and again when the elder pressed again', () => {
  expect(waiting(alert())).toBe(true)
  expect(waiting(alert({ state: 'acknowledged' }))).toBe(false)
  expect(waiting(alert({ state: 'acknowledged', attention: true }))).toBe(true)
  expect(waiting(alert({ state: 'resolved', attention: true }))).toBe(false)
})

it('刚处置 has those to be followed up first, then the newest', () => {
  const list = [
    alert({ id: 'done', state: 'followed_up', raised_at: '2026-11-22T05:00:00Z' }),
    alert({ id: 'old', state: 'resolved', raised_at: '2026-11-22T01:00:00Z' }),
    alert({ id: 'new', state: 'resolved', raised_at: '2026-11-22T02:00:00Z' }),
  ]
  expect(ids(list.sort(byFollowUp))).toEqual(['new', 'old', 'done'])
})

it('says that a fall may be cancelled only while it may', () => {
  const fall = alert({ type: 'fall', severity: 'orange' })
  expect(cancellable(fall)).toBe(true)
  expect(cancellable({ ...fall, state: 'acknowledged' })).toBe(false)
  expect(cancellable({ ...fall, severity: 'red' })).toBe(false)
  expect(cancellable(alert())).toBe(false)
})
