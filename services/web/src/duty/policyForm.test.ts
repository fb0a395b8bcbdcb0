import { describe, expect, it } from 'vitest'
import type { Escalation, Plan, Policy } from '../api/dutyTypes'
import { placed } from '../rules/flaws'
import { definitionOf, placesOf, policyForm, startOf, stepForm, stepShown } from './policyForm'
import { builtInSaid, checkSaid, plainly, planSaid, planWhen, spanSaid, stepSentence, type Naming } from './policyWords'

const CLIMB = { after_seconds: 60, who: ['tier_above' as const], every_seconds: 60 }
const ALL: Pick<Plan, 'days' | 'begins' | 'ends'> = { days: ['workday', 'rest', 'holiday'], begins: '00:00', ends: '00:00' }
const BUILT_IN: Policy = {
  name: '内置',
  watch: 'expected',
  plans: [
    { ...ALL, severities: ['red'], unanswered: [{ after_seconds: 0, who: ['caregivers', 'duty'] }, CLIMB], undispatched: [{ after_seconds: 180, who: [], attention: true }] },
    { ...ALL, severities: ['orange'], unanswered: [{ after_seconds: 0, who: ['caregivers', 'duty'] }], undispatched: [{ after_seconds: 1800, who: [], attention: true }] },
  ],
}
const NIGHT: Policy = {
  name: '夜间',
  watch: 'always',
  presence_check: { every_seconds: 3600, answer_within_seconds: 120, begins: '22:00', ends: '06:00' },
  plans: [
    {
      severities: ['red', 'orange'],
      days: ['rest'],
      begins: '20:00',
      ends: '08:00',
      unanswered: [
        { after_seconds: 0, who: ['named', 'caregivers'], people: ['a'] },
        { after_seconds: 30, who: ['tier_above'], every_seconds: 30 },
      ],
      unclosed: [],
    },
  ],
}
const NAMING: Naming = { people: new Map([['a', '陈静']]), above: '棠香街道' }

const held = (more: Partial<Escalation>): Escalation => ({
  organization: { id: 'o', name: '站' },
  holds_from: null,
  definition: BUILT_IN,
  built_in: BUILT_IN,
  own_version: 0,
  versions: [],
  people: [],
  ...more,
})

it('a policy goes into the form and comes back as it was', () => {
  for (const policy of [BUILT_IN, NIGHT]) expect(definitionOf(policyForm(policy))).toEqual(policy)
})

it('what is no number is sent as it was typed, and said with a question mark', () => {
  const form = policyForm(NIGHT)
  const step = form.plans[0]!.stages.unanswered.steps[1]!
  step.after = { amount: '半', unit: 'min' }
  step.times = '3'
  expect(definitionOf(form)).toMatchObject({ plans: [{ unanswered: [{}, { after_seconds: '半', times: 3 }] }] })
  expect(stepSentence('unanswered', stepShown(step), NAMING)).toBe('？未接警：报上级（棠香街道），此后每 30 秒再上一级，最多 3 次')
  step.repeats = false
  expect(definitionOf(form)).not.toMatchObject({ plans: [{ unanswered: [{}, { times: 3 }] }] })
})

it('one begins at what holds, and of the built-in policy copies nothing', () => {
  expect(startOf(held({ holds_from: { id: 'p', name: '街道' }, definition: NIGHT }))).toEqual(NIGHT)
  const version = { version: 2, definition: NIGHT, changed_at: '', changed_by: null, reason: '' }
  expect(startOf(held({ own_version: 2, versions: [version] }))).toEqual(NIGHT)
  const fresh = startOf(held({}))
  expect(fresh.plans.map((plan) => plan.severities)).toEqual([['red'], ['orange']])
  expect(fresh.plans[0]).not.toHaveProperty('unanswered')
})

it('what is wrong stands at its step, and what concerns a stage at the stage', () => {
  const flaws = [
    { where: 'plans.0.unanswered.1.after_seconds', what: '不能早于上一步' },
    { where: 'plans.0.unanswered', what: '必须上报' },
    { where: 'plans.0.days', what: '请选日子' },
    { where: 'presence_check.every_seconds', what: '太短' },
    { where: 'strange', what: '没有这一项' },
  ]
  const { at, elsewhere } = placed(flaws, placesOf(policyForm(NIGHT)))
  expect([...at.keys()].sort()).toEqual(['plans.0.days', 'plans.0.unanswered', 'plans.0.unanswered.1', 'presence_check'])
  expect(elsewhere).toHaveLength(1)
})

describe('sentences', () => {
  it('say when, whom and how often', () => {
    expect(stepSentence('unanswered', CLIMB, NAMING)).toBe('60 秒未接警：报上级（棠香街道），此后每 60 秒再上一级，直到最高一级')
    expect(stepSentence('undispatched', { after_seconds: 180, who: [], attention: true }, NAMING)).toBe('接警后 3 分钟未派员：再次响铃，任何人可接手')
    expect(stepSentence('unanswered', NIGHT.plans[0]!.unanswered![0]!, NAMING)).toBe('一产生告警：通知陈静、家属')
    expect(stepSentence('asked_again', { after_seconds: 0, who: ['duty'], every_seconds: 300 }, NAMING)).toBe('再次要求接警时：通知当班人员，此后每 5 分钟一次')
    expect(stepSentence('unclosed', { after_seconds: 3600, who: ['named'], people: ['x'] }, { people: new Map(), above: null })).toBe('到场后 1 小时未办结：通知（已停用的账号）')
    expect(stepSentence('unarrived', stepShown(stepForm({ after_seconds: 0, who: [] })), NAMING)).toBe('一派员：（还没有选对象）')
    expect([30, 60, 90, 120, 150, 900].map(spanSaid)).toEqual(['30 秒', '60 秒', '90 秒', '2 分钟', '2 分钟 30 秒', '15 分钟'])
  })
  it('say of a stage that a plan leaves out what is built in, for each severity that is told otherwise', () => {
    const said = planSaid(NIGHT.plans[0]!, BUILT_IN, NAMING)
    expect(said.find((one) => one.stage === 'unanswered')).toMatchObject({ own: true, said: [{ of: '' }] })
    expect(said.find((one) => one.stage === 'unclosed')).toEqual({ stage: 'unclosed', own: true, said: [{ of: '', sentences: [] }] })
    const undispatched = said.find((one) => one.stage === 'undispatched')!
    expect(undispatched.own).toBe(false)
    expect(undispatched.said.map((one) => one.sentences.length)).toEqual([1, 1])
    expect(undispatched.said[0]!.of).not.toBe('')
    expect(builtInSaid(BUILT_IN, ['yellow', 'blue'], 'unanswered', NAMING)).toEqual([{ of: '', sentences: [] }])
  })
  it('leave out what only engineers name', () => {
    expect(plainly('最后一步请选上级机构（tier_above），此后重复（every_seconds）')).toBe('最后一步请选上级机构，此后重复')
    expect(plainly('请选通知谁（who、attention）（必填）')).toBe('请选通知谁（必填）')
  })
  it('say the days, the hours and the presence check', () => {
    expect(planWhen(NIGHT.plans[0]!)).toBe('休息日 20:00–次日 08:00')
    expect(planWhen(ALL)).toBe('每天 全天')
    expect(checkSaid(NIGHT.presence_check!)).toBe('22:00–次日 06:00每 1 小时问一次，2 分钟内要有人回应')
  })
})
