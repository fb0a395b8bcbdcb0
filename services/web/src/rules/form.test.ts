import { describe, expect, it } from 'vitest'
import type { Definition } from '../api/ruleTypes'
import { BUILT_IN, builtInRule } from '../testing/rules'
import { definitionOf, formOf, kept, newContext } from './form'

/** A rule with parts that no form has a place for. */
function strange(): Definition {
  const rule = builtInRule('spo2_low')
  rule.colour_blind = { pattern: 'dots' }
  rule.condition.smoothing = 3
  rule.scope = { elder_id: 'e1', organization_id: 'o1', wards: ['A'] }
  rule.severity_when = [
    { scope: { organization_id: 'o2', ability_levels: ['total', 'severe'] }, severity: 'orange', until: '2027-01-01' },
  ]
  return rule
}

describe('definition and form', () => {
  it.each(BUILT_IN.map((rule) => [rule.key, rule] as const))('%s comes back as it was', (_, rule) => {
    expect(kept(rule)).toEqual([])
    expect(definitionOf(formOf(rule))).toEqual(rule)
  })

  it('what the form cannot express comes back as it was, and is told', () => {
    expect(definitionOf(formOf(strange()))).toEqual(strange())
    expect(kept(strange()).map(({ where }) => where)).toEqual([
      'colour_blind',
      'condition.smoothing',
      'scope.wards',
      'severity_when.0.until',
      'severity_when.0.scope.organization_id',
    ])
  })

  it('a condition that this app does not know is kept whole', () => {
    const rule = { ...builtInRule('heart_rate_high'), condition: { kind: 'trend', per_hour: [1, 2] } }
    const form = formOf(rule)
    form.title = '心率上升'
    expect(definitionOf(form)).toEqual({ ...rule, title: '心率上升' })
    expect(kept(rule)[0]).toEqual({ where: 'condition', value: rule.condition })
  })

  it('a part of another shape than the form knows is kept', () => {
    const rule = builtInRule('heart_rate_own_high')
    rule.condition.inside = { lowest: 60, highest: 100 }
    expect(definitionOf(formOf(rule))).toEqual(rule)
    expect(kept(rule)).toEqual([{ where: 'condition.inside', value: rule.condition.inside }])
  })

  it('takes over what was typed', () => {
    const form = formOf(builtInRule('heart_rate_high'))
    form.condition.value = { type: 'text', text: '１１５' }
    form.times.lasting_seconds = { amount: '2', unit: 'min' }
    form.contexts.push({ ...newContext(), ability: ['total', 'severe'], care: '独居，居家吸氧' })
    Object.assign(form, { whom: 'organization', organizationId: 'o1', mode: 'shadow', ability: ['moderate'] })
    expect(definitionOf(form)).toEqual({
      ...builtInRule('heart_rate_high'),
      condition: { kind: 'limit', field: 'heart_rate', direction: 'above', value: 115, clear: 110, over_seconds: 900 },
      lasting_seconds: 120,
      mode: 'shadow',
      scope: { organization_id: 'o1', ability_levels: ['moderate'] },
      severity_when: [
        { scope: { ability_levels: ['severe', 'total'], care_categories: ['独居', '居家吸氧'] }, severity: 'orange' },
      ],
    })
  })

  it('what is no number goes to the server as it was typed, never a default in its place', () => {
    const form = formOf(builtInRule('wandering'))
    form.condition.fixes = { type: 'text', text: '' }
    form.times.gap_seconds = { amount: '', unit: 'min' }
    expect(definitionOf(form)).toMatchObject({ condition: { kind: 'fence', fixes: '' }, gap_seconds: '' })
  })

  it('hours and clocks can be taken away and given', () => {
    const still = formOf(builtInRule('stillness'))
    still.condition.quiet = { type: 'pair', on: true, first: '２１：３０', second: '06:00 ' }
    expect(definitionOf(still).condition.quiet).toEqual({ from: '21:30', to: '06:00' })
    still.condition.quiet.on = false
    expect(definitionOf(still).condition).not.toHaveProperty('quiet')
    const bed = formOf(builtInRule('out_of_bed'))
    bed.condition.back_by = { type: 'text', text: '00:30' }
    expect(definitionOf(bed).condition.back_by).toBe('00:30')
  })

  it('an elder instead of an organisation leaves no trace of it', () => {
    const rule = { ...builtInRule('spo2_low'), scope: { organization_id: 'o1', care_categories: ['居家吸氧'] } }
    const form = formOf(rule)
    Object.assign(form, { whom: 'elder', elderId: 'e1', care: '' })
    expect(definitionOf(form).scope).toEqual({ elder_id: 'e1' })
  })

  it('leaves alone a care category with a separator in it', () => {
    const rule = { ...builtInRule('spo2_low'), scope: { care_categories: ['吸氧、呼吸机'] } }
    expect(definitionOf(formOf(rule))).toEqual(rule)
  })
})
