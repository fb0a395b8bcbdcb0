import type { Rule } from '../api/ruleTypes'
import type { Me, Organization } from '../api/types'
import type { Names } from './wording'

/** Whether the server would let somebody change a rule; it has the last word. */
export function mayChange(rule: Pick<Rule, 'definition'>, me: Me, organizations: readonly Organization[]): boolean {
  if (me.role !== 'administrator') return false
  const { elder_id: elder, organization_id: organization } = rule.definition.scope ?? {}
  if (elder) return true
  if (organization) return organizations.some((each) => each.id === organization)
  return me.organizations.some((each) => each.parent_id === null)
}

/** Of whoever is named in these rules, and of the organisations that one reaches. */
export function namesOf(organizations: readonly Organization[], rules: readonly Partial<Rule>[]): Names {
  const names = new Map(organizations.map((each) => [each.id, each.name]))
  for (const rule of rules) {
    for (const named of [rule.elder, rule.organization]) if (named) names.set(named.id, named.name)
  }
  return names
}
