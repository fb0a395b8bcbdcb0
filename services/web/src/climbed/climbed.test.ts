import { expect, it } from 'vitest'
import type { Alert } from '../api/types'
import { heldBy, parted } from './climbed'

const alert = (id: string, more: Partial<Alert> = {}): Alert =>
  ({
    id,
    severity: 'orange',
    state: 'triggered',
    attention: false,
    drill: false,
    occurred_at: '2026-12-01T02:00:00Z',
    received_at: '2026-12-01T02:00:00Z',
    raised_at: '2026-12-01T02:00:00Z',
    version: 1,
    holder: null,
    ...more,
  }) as Alert

it('puts the worst that is open first, and the newest that is closed', () => {
  const { open, closed } = parted([
    alert('old', { state: 'resolved', raised_at: '2026-12-01T01:00:00Z' }),
    alert('orange'),
    alert('red', { severity: 'red' }),
    alert('new', { state: 'cancelled', raised_at: '2026-12-01T01:30:00Z' }),
  ])
  expect(open.map(({ id }) => id)).toEqual(['red', 'orange'])
  expect(closed.map(({ id }) => id)).toEqual(['new', 'old'])
})

it('shows an alert that was closed between the two questions once, as closed', () => {
  for (const both of [[alert('a'), alert('a', { state: 'resolved', version: 4 })], [alert('a', { state: 'resolved', version: 4 }), alert('a')]]) {
    const { open, closed } = parted(both)
    expect([open.length, closed.length]).toEqual([0, 1])
  }
})

it('says who has it, and that nobody has', () => {
  expect(heldBy(alert('a', { holder: { id: 'h', name: '值某' } }))).toBe('值某 负责')
  expect(heldBy(alert('a'))).toBe('还没有人接警')
  expect(heldBy(alert('a', { state: 'cancelled' }))).toBe('没有人接警')
})
