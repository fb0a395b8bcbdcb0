/**
 * A definition as a form, and back. What the form cannot express stays in `base`, is listed in `kept`, and comes back
 * as it was.
 */
import type { Definition, Mode, Scope, SeverityWhen } from '../api/ruleTypes'
import type { Severity } from '../api/types'
import { PARTS, stored, TIME_DEFAULT, TIME_NAMES, TIMES, typed, type Typed } from './parts'
import { secondsOf, spanOf, type Span } from './spans'
import { ABILITY_LEVELS } from './wording'

/** `both`: of an organisation and an elder, which the form keeps but cannot make. */
export type Whom = 'everyone' | 'organization' | 'elder' | 'both'

export interface People {
  ability: string[]
  /** Care categories as typed, with 、 between them. */
  care: string
}

export interface ContextForm extends People {
  severity: Severity
  base: SeverityWhen
}

export interface RuleForm extends People {
  readonly base: Definition
  key: string
  title: string
  severity: Severity
  mode: Mode
  source: string
  times: Partial<Record<(typeof TIME_NAMES)[number], Span>>
  /** By the names of the parts; a part that is missing here is kept as it was. */
  condition: Record<string, Typed>
  whom: Whom
  organizationId: string
  elderId: string
  contexts: ContextForm[]
}

const DEFINED = ['id', 'version', 'key', 'title', 'severity', 'condition', 'scope', 'severity_when', 'mode', 'source', ...TIME_NAMES]
const SCOPE = ['elder_id', 'organization_id', 'ability_levels', 'care_categories']
const SEPARATORS = /[、，,]/

export function formOf(definition: Definition): RuleForm {
  const base = copyOf(definition)
  const condition: Record<string, Typed> = {}
  for (const part of PARTS[base.condition.kind] ?? []) {
    const value = typed(part, base.condition[part.name])
    if (value) condition[part.name] = value
  }
  const times: RuleForm['times'] = {}
  for (const { name } of TIMES[base.condition.kind] ?? []) times[name] = spanOf(base[name] ?? TIME_DEFAULT[name])
  const { elder_id: elder, organization_id: organization } = base.scope ?? {}
  return {
    base,
    key: base.key,
    title: base.title,
    severity: base.severity,
    mode: base.mode ?? 'live',
    source: base.source ?? '',
    times,
    condition,
    whom: elder && organization ? 'both' : elder ? 'elder' : organization ? 'organization' : 'everyone',
    organizationId: organization ?? '',
    elderId: elder ?? '',
    ...peopleOf(base.scope),
    contexts: (base.severity_when ?? []).map((context) => ({
      ...peopleOf(context.scope),
      severity: context.severity,
      base: context,
    })),
  }
}

export function definitionOf(form: RuleForm): Definition {
  const base = copyOf(form.base)
  const condition = { ...base.condition }
  for (const part of PARTS[condition.kind] ?? []) {
    const value = form.condition[part.name]
    if (value) put(condition, part.name, stored(part, value))
  }
  const definition: Definition = {
    ...base,
    key: form.key.trim(),
    title: form.title.trim(),
    severity: form.severity,
    condition,
    scope: scopeOf(form, base.scope ?? {}),
    mode: form.mode,
    source: form.source.trim(),
    severity_when: form.contexts.map((context) => ({
      ...context.base,
      scope: withPeople({ ...context.base.scope }, context),
      severity: context.severity,
    })),
  }
  // Text that is no number goes to the server as it is, which says what is wrong with it.
  for (const { name } of TIMES[condition.kind] ?? []) {
    const span = form.times[name]
    if (span) definition[name] = secondsOf(span) as number
  }
  return definition
}

export const newContext = (): ContextForm => ({
  ability: [],
  care: '',
  severity: 'orange',
  base: { scope: {}, severity: 'orange' },
})

export interface Kept {
  where: string
  value: unknown
}

/** What the form does not show and leaves as it is. */
export function kept(definition: Definition): Kept[] {
  const found: Kept[] = []
  const others = (where: string, from: object, known: readonly string[]): void => {
    for (const [name, value] of Object.entries(from)) {
      if (!known.includes(name)) found.push({ where: where + name, value: value as unknown })
    }
  }
  others('', definition, DEFINED)
  const { condition } = definition
  const parts = PARTS[condition.kind]
  if (!parts) {
    found.push({ where: 'condition', value: condition })
    for (const name of TIME_NAMES) if (definition[name] != null) found.push({ where: name, value: definition[name] })
  } else {
    others('condition.', condition, ['kind', ...parts.map((part) => part.name)])
    for (const part of parts) {
      if (typed(part, condition[part.name]) === null) found.push({ where: `condition.${part.name}`, value: condition[part.name] })
    }
  }
  others('scope.', definition.scope ?? {}, SCOPE)
  ;(definition.severity_when ?? []).forEach((context, place) => {
    others(`severity_when.${place}.`, context, ['scope', 'severity'])
    others(`severity_when.${place}.scope.`, context.scope, ['ability_levels', 'care_categories'])
  })
  return found
}

function scopeOf(form: RuleForm, base: Scope): Scope {
  const scope: Scope = { ...base }
  if (form.whom !== 'both') {
    put(scope, 'elder_id', form.whom === 'elder' ? form.elderId : undefined)
    put(scope, 'organization_id', form.whom === 'organization' ? form.organizationId : undefined)
  }
  return withPeople(scope, form)
}

function peopleOf(scope: Scope | null | undefined): People {
  return { ability: [...(scope?.ability_levels ?? [])], care: (scope?.care_categories ?? []).join('、') }
}

function withPeople(scope: Scope, people: People): Scope {
  put(scope, 'ability_levels', asBefore(people.ability, scope.ability_levels))
  const care = people.care.split(SEPARATORS).map((word) => word.trim()).filter((word) => word !== '')
  // A category that has a separator in it is left alone while nobody types there.
  const untouched = people.care === (scope.care_categories ?? []).join('、')
  put(scope, 'care_categories', untouched ? (scope.care_categories ?? undefined) : asBefore(care, scope.care_categories))
  return scope
}

/** The same set stays in the order in which it was stored. */
function asBefore(now: readonly string[], before: string[] | null | undefined): string[] | undefined {
  const set = [...new Set(now)]
  if (before && before.length === set.length && set.every((each) => before.includes(each))) return before
  return set.length > 0 ? set.sort((a, b) => place(a) - place(b)) : undefined
}
const place = (level: string): number => (ABILITY_LEVELS as readonly string[]).indexOf(level)

/** Undefined takes it away, where it was; null stays null. */
function put(into: Record<string, unknown>, name: string, value: unknown): void {
  if (value !== undefined) into[name] = value
  else if (into[name] != null) delete into[name]
}

/** A definition is JSON; a proxy of Vue's, and a browser of 2021, know no structuredClone of it. */
const copyOf = (definition: Definition): Definition => JSON.parse(JSON.stringify(definition)) as Definition
