import { expect, it } from 'vitest'
import type { TrialResult, TrialSum } from '../api/ruleTypes'
import { byOrganization, perDay, verdict } from './trialWords'

const sum = (alerts: number, days: number, organizations: Record<string, number> = {}): TrialSum => ({
  alerts,
  elders: Math.min(alerts, 3),
  per_day: alerts / days,
  by_severity: { yellow: alerts },
  by_organization: Object.entries(organizations).map(([id, count]) => ({ id, name: `${id}站`, alerts: count })),
})
const result = (tried: TrialSum, inForce: TrialSum, missed = 0): TrialResult => ({
  elders: 60,
  readings: 86_400,
  seconds: 4.2,
  tried,
  in_force: inForce,
  incidents: { known: 2, caught: 2 - missed, missed, caught_in_force: 2, items: [] },
  episodes: [],
  more: 0,
})

it('compares with the rule in force', () => {
  expect(verdict(result(sum(24, 7), sum(35, 7)))).toBe('每天 3.4 条，现行规则 5 条，少 31%')
  expect(verdict(result(sum(35, 7), sum(35, 7)))).toBe('每天 5 条，现行规则 5 条，一样多')
  expect(verdict(result(sum(7, 7), sum(0, 7)))).toBe('每天 1 条，现行规则没有')
  expect(verdict(result(sum(0, 7), sum(0, 7)))).toBe('每天 0 条，现行规则也没有')
})

it('says what would have been missed, and never calls a change none', () => {
  expect(verdict(result(sum(999, 1), sum(1000, 1), 1))).toBe('每天 999 条，现行规则 1000 条，少 1%；漏掉 1 起已知事件（现行规则漏掉 0 起）')
})

it('figures a day are short', () => {
  expect(perDay(sum(1, 7))).toBe('0.1 条')
  expect(perDay(sum(123, 10))).toBe('12 条')
})

it('puts both rules of an organisation into one line', () => {
  expect(byOrganization(result(sum(5, 1, { a: 1, b: 4 }), sum(3, 1, { a: 1, c: 2 })))).toEqual([
    { id: 'b', name: 'b站', tried: 4, inForce: 0 },
    { id: 'a', name: 'a站', tried: 1, inForce: 1 },
    { id: 'c', name: 'c站', tried: 0, inForce: 2 },
  ])
})
