/** A policy as a form and back. What is no number goes to the server as it was typed, which says what is wrong. */
import type { DayKind, Escalation, Plan, Policy, Stage, Step, Who } from '../api/dutyTypes'
import type { Severity } from '../api/types'
import { numberOf, secondsOf, spanOf, type Span } from '../rules/spans'
import { STAGES } from './wording'

export interface StepForm {
  /** That its fields stay with it when another one goes. */
  key: number
  after: Span
  who: Who[]
  people: string[]
  attention: boolean
  repeats: boolean
  every: Span
  /** Empty: without end. */
  times: string
}

export interface StageForm {
  /** False: as the built-in policy has it. */
  own: boolean
  steps: StepForm[]
}

export interface PlanForm {
  key: number
  severities: Severity[]
  days: DayKind[]
  begins: string
  ends: string
  stages: Record<Stage, StageForm>
}

export interface PolicyForm {
  name: string
  watch: Policy['watch']
  checks: boolean
  check: { every: Span; answer: Span; begins: string; ends: string }
  plans: PlanForm[]
}

const DAYS: readonly DayKind[] = ['workday', 'rest', 'holiday']
let keys = 0

/** Up to two minutes seconds are what people speak of. */
const span = (seconds: number): Span => (seconds <= 120 ? { amount: String(seconds), unit: 's' } : spanOf(seconds))

export function stepForm(step: Step): StepForm {
  return {
    key: ++keys,
    after: span(step.after_seconds),
    who: [...step.who],
    people: [...(step.people ?? [])],
    attention: step.attention ?? false,
    repeats: step.every_seconds !== undefined,
    every: span(step.every_seconds ?? 60),
    times: step.times === undefined ? '' : String(step.times),
  }
}

export function planForm(plan: Plan): PlanForm {
  const stages = {} as Record<Stage, StageForm>
  for (const stage of STAGES) stages[stage] = { own: plan[stage] !== undefined, steps: (plan[stage] ?? []).map(stepForm) }
  return { key: ++keys, severities: [...plan.severities], days: [...plan.days], begins: plan.begins, ends: plan.ends, stages }
}

export const emptyPlan = (): PlanForm => planForm({ severities: ['red'], days: [...DAYS], begins: '00:00', ends: '00:00' })

export function policyForm(policy: Policy): PolicyForm {
  const check = policy.presence_check
  return {
    name: policy.name,
    watch: policy.watch,
    checks: check !== undefined,
    check: {
      every: span(check?.every_seconds ?? 3600),
      answer: span(check?.answer_within_seconds ?? 120),
      begins: check?.begins ?? '22:00',
      ends: check?.ends ?? '06:00',
    },
    plans: policy.plans.map(planForm),
  }
}

/** Where somebody begins: at the organisation's own, at the one that it has from above, or at the built-in one, of which
 * nothing is copied: what stays built in follows what is built in later. */
export function startOf(now: Escalation): Policy {
  const own = now.versions[0]?.definition
  if (own) return own
  if (now.holds_from) return now.definition
  const plans = now.built_in.plans.map(({ severities, days, begins, ends }) => ({ severities, days, begins, ends }))
  return { ...now.built_in, name: '本机构预案', plans }
}

function stepOf(form: StepForm): Record<string, unknown> {
  return {
    after_seconds: secondsOf(form.after),
    who: form.who,
    ...(form.who.includes('named') ? { people: form.people } : {}),
    ...(form.attention ? { attention: true } : {}),
    ...(form.repeats ? { every_seconds: secondsOf(form.every) } : {}),
    ...(form.repeats && form.times.trim() !== '' ? { times: numberOf(form.times) } : {}),
  }
}

/** As its sentence has it: what is no number is NaN, and said as such. */
export function stepShown(form: StepForm): Step {
  const number = (value: unknown): number => (typeof value === 'number' ? value : NaN)
  const { after_seconds, every_seconds, times, ...rest } = stepOf(form)
  return {
    ...rest,
    after_seconds: number(after_seconds),
    ...(every_seconds === undefined ? {} : { every_seconds: number(every_seconds) }),
    ...(times === undefined ? {} : { times: number(times) }),
  } as Step
}

export function definitionOf(form: PolicyForm): Record<string, unknown> {
  const { check } = form
  return {
    name: form.name.trim(),
    watch: form.watch,
    plans: form.plans.map(({ severities, days, begins, ends, stages }) => ({
      severities,
      days,
      begins,
      ends,
      ...Object.fromEntries(STAGES.filter((stage) => stages[stage].own).map((stage) => [stage, stages[stage].steps.map(stepOf)])),
    })),
    ...(form.checks
      ? { presence_check: { every_seconds: secondsOf(check.every), answer_within_seconds: secondsOf(check.answer), begins: check.begins, ends: check.ends } }
      : {}),
  }
}

/** Where the form can say what is wrong: at each step, stage and plan. */
export function placesOf(form: PolicyForm): string[] {
  const places = ['name', 'watch', 'presence_check', 'plans']
  form.plans.forEach((plan, number) => {
    const at = `plans.${number}`
    places.push(at, `${at}.severities`, `${at}.days`, `${at}.begins`, `${at}.ends`)
    for (const stage of STAGES) {
      if (!plan.stages[stage].own) continue
      places.push(`${at}.${stage}`, ...plan.stages[stage].steps.map((_, step) => `${at}.${stage}.${step}`))
    }
  })
  return places
}
