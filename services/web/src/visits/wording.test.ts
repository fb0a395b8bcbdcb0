import { expect, it } from 'vitest'
import type { DueVisit } from './types'
import { dueWords, periodWords, rateWords, whereWords } from './wording'

const due = (due_on: string): DueVisit => ({
  elder: { id: 'e', name: '张某' },
  organization_id: 'o',
  phone: null,
  address: null,
  living_situation: null,
  plan: 'safety_net',
  every: 'week',
  due_on,
  visited_on: null,
  overdue: false,
  visitor: null,
})

it('says when a visit is due', () => {
  expect(['2026-11-28', '2026-11-30', '2026-12-02'].map((day) => dueWords(due(day), '2026-11-30'))).toEqual(['逾期 2 天', '今天到期', '还有 2 天'])
})

it('never rounds a rate up to a hundred', () => {
  expect([null, 0, 0.9996, 1].map(rateWords)).toEqual(['—', '0.0%', '99.9%', '100.0%'])
})

it('names periods and places', () => {
  const period = { first: '2026-10-01', last: '2026-12-31', expected: 1, visited: 1, by_telephone_alone: 0, rate: 1 }
  expect([periodWords(period, 'month'), periodWords(period, 'quarter'), periodWords(period, 'week')]).toEqual(['2026年10月', '2026年4季度', '10-01 至 12-31'])
  expect([null, 20, 640, 2340].map(whereWords)).toEqual(['', '在家附近', '离住址 640 米', '离住址 2.3 公里'])
})
