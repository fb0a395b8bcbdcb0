import { expect, it } from 'vitest'
import type { Scope } from '../api/ruleTypes'
import type { Me, Organization } from '../api/types'
import { builtInRule } from '../testing/rules'
import { mayChange, namesOf } from './reach'

const city: Organization = { id: 'o1', name: '示例市', tier: 'city', parent_id: null }
const street: Organization = { id: 'o3', name: '龙岗街道', tier: 'street', parent_id: 'o2' }
const me = (role: string, home: Organization): Me => ({ id: 'p1', username: 'x', name: '何某', role, organizations: [home] })
const rule = (scope: Scope) => ({ definition: { ...builtInRule('heart_rate_high'), scope } })

it('only administrators change rules, and those for everyone only at the root', () => {
  expect(mayChange(rule({}), me('operator', city), [city, street])).toBe(false)
  expect(mayChange(rule({}), me('administrator', city), [city, street])).toBe(true)
  expect(mayChange(rule({ ability_levels: ['total'] }), me('administrator', street), [street])).toBe(false)
  expect(mayChange(rule({ organization_id: 'o3' }), me('administrator', street), [street])).toBe(true)
  expect(mayChange(rule({ organization_id: 'o1' }), me('administrator', street), [street])).toBe(false)
  expect(mayChange(rule({ elder_id: 'e1' }), me('administrator', street), [street])).toBe(true)
})

it('names come from the rules too, for what lies above', () => {
  const names = namesOf([street], [{ organization: { id: 'o1', name: '示例市' }, elder: { id: 'e1', name: '张桂兰' } }])
  expect([...names.values()]).toEqual(['龙岗街道', '张桂兰', '示例市'])
})
