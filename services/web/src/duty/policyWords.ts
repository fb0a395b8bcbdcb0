/** A policy as sentences that can be read at three in the morning. */
import { severityWord } from '../alerts/wording'
import type { Plan, Policy, Stage, Step, Who } from '../api/dutyTypes'
import type { Severity } from '../api/types'
import { exactly } from '../rules/spans'
import { daysWords, hours, STAGES } from './wording'

/** Whom the ids of a policy mean. `above`: the organisation above; null where it is not known. */
export interface Naming {
  people: ReadonlyMap<string, string>
  above: string | null
}

export const WHO_WORD: Readonly<Record<Exclude<Who, 'tier_above'>, string>> = {
  operators: '本机构值守人员',
  duty: '当班人员',
  caregivers: '家属',
  responders: '就近响应者',
  named: '指定人员',
}
export const WHOM: readonly Who[] = ['duty', 'operators', 'caregivers', 'responders', 'named', 'tier_above']
export const whoWord = (who: Who): string => (who === 'tier_above' ? '上级机构' : WHO_WORD[who])

/** Of which the seconds are counted: the contract says 60 s, and not a minute. */
const COUNTED_SECONDS = 120
export function spanSaid(seconds: number): string {
  if (!Number.isFinite(seconds)) return '？'
  return seconds < COUNTED_SECONDS ? `${seconds} 秒` : exactly(seconds)
}

const AT_ONCE: Readonly<Record<Stage, string>> = {
  unanswered: '一产生告警',
  asked_again: '再次要求接警时',
  undispatched: '一接警',
  unarrived: '一派员',
  unclosed: '一到场',
}
const AFTER: Readonly<Record<Stage, (span: string) => string>> = {
  unanswered: (span) => `${span}未接警`,
  asked_again: (span) => `${span}仍无人接警`,
  undispatched: (span) => `接警后 ${span}未派员`,
  unarrived: (span) => `派员后 ${span}未到场`,
  unclosed: (span) => `到场后 ${span}未办结`,
}

function doing(step: Step, naming: Naming): string {
  const people = step.who
    .filter((one) => one !== 'tier_above')
    .map((one) => (one === 'named' ? named(step, naming) : WHO_WORD[one]))
  const parts = people.length > 0 ? [`通知${people.join('、')}`] : []
  if (step.who.includes('tier_above')) parts.push(`报上级${naming.above === null ? '' : `（${naming.above}）`}`)
  if (step.attention) parts.push('再次响铃，任何人可接手')
  return parts.join('，') || '（还没有选对象）'
}

const named = (step: Step, naming: Naming): string =>
  (step.people ?? []).map((id) => naming.people.get(id) ?? '（已停用的账号）').join('、') || '（还没有选人）'

function again(step: Step): string {
  if (step.every_seconds === undefined) return ''
  const climbs = step.who.includes('tier_above')
  const times = step.times === undefined ? (climbs ? '，直到最高一级' : '') : `，最多 ${step.times} 次`
  return `，此后每 ${spanSaid(step.every_seconds)}${climbs ? '再上一级' : '一次'}${times}`
}

/** "60 秒未接警：报上级（棠香街道），此后每 60 秒再上一级，直到最高一级" */
export function stepSentence(stage: Stage, step: Step, naming: Naming): string {
  const when = step.after_seconds === 0 ? AT_ONCE[stage] : AFTER[stage](spanSaid(step.after_seconds))
  return `${when}：${doing(step, naming)}${again(step)}`
}

/** "每天 22:00–次日 06:00" */
export function planWhen(plan: Pick<Plan, 'days' | 'begins' | 'ends'>): string {
  return `${plan.days.length === 0 ? '没有选日子' : daysWords(plan.days)} ${hours(plan.begins, plan.ends)}`
}

/** What the built-in policy does of a severity: nothing, for the milder two. */
export function builtInSteps(builtIn: Policy, severity: Severity, stage: Stage): readonly Step[] {
  return builtIn.plans.find((plan) => plan.severities.includes(severity))?.[stage] ?? []
}

export interface Said {
  /** Of which severities; empty where all of the plan are meant. */
  of: string
  sentences: readonly string[]
}

/** What the built-in policy does in a stage, for each of these severities; those that are told alike are told once. */
export function builtInSaid(builtIn: Policy, severities: readonly Severity[], stage: Stage, naming: Naming): Said[] {
  const groups = new Map<string, { of: Severity[]; sentences: string[] }>()
  for (const severity of severities) {
    const sentences = builtInSteps(builtIn, severity, stage).map((step) => stepSentence(stage, step, naming))
    const alike = sentences.join('\n')
    const group = groups.get(alike) ?? { of: [], sentences }
    group.of.push(severity)
    groups.set(alike, group)
  }
  const told = [...groups.values()]
  return told.map(({ of, sentences }) => ({ of: told.length > 1 ? of.map(severityWord).join('、') : '', sentences }))
}

/** A plan, stage by stage: what it says itself, and where it says nothing, what is built in. */
export function planSaid(plan: Plan, builtIn: Policy, naming: Naming): { stage: Stage; own: boolean; said: Said[] }[] {
  return STAGES.map((stage) => {
    const steps = plan[stage]
    if (!steps) return { stage, own: false, said: builtInSaid(builtIn, plan.severities, stage, naming) }
    return { stage, own: true, said: [{ of: '', sentences: steps.map((step) => stepSentence(stage, step, naming)) }] }
  })
}

/** As the server says what is wrong, without the names that its fields have for engineers. */
export const plainly = (what: string): string => what.replace(/（[a-z_、]+）/g, '')

export const WATCH_WORD: Readonly<Record<Policy['watch'], string>> = {
  expected: '有值班表，或曾有人连续看屏半小时的机构，无人看屏时报上级',
  always: '任何时候都应有人看屏，无人看屏时报上级',
  never: '不检查是否有人看屏',
}

export function checkSaid(check: NonNullable<Policy['presence_check']>): string {
  return `${hours(check.begins, check.ends)}每 ${spanSaid(check.every_seconds)}问一次，${spanSaid(check.answer_within_seconds)}内要有人回应`
}
