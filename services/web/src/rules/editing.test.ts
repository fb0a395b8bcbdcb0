import { describe, expect, it } from 'vitest'
import { Failure, unreachable } from '../api/failure'
import type { Definition, Flaw, RuleDetail } from '../api/ruleTypes'
import { builtInRule } from '../testing/rules'
import { createEditing, type RuleServer } from './editing'
import { createTrying } from './trial'

const ID = 'a17b0000-0000-4000-8000-000000000001'
const detail = (version: number, changes: Partial<Definition> = {}): RuleDetail => {
  const definition = { ...builtInRule('heart_rate_high'), version, ...changes }
  const { key, title, severity } = definition
  const told = { version, definition, changed_at: '2026-11-23T09:00:00+08:00', changed_by: { id: 'p2', name: '王某' }, reason: '试验' }
  return { ...told, id: ID, key, title, severity, mode: definition.mode ?? 'live', versions: [told] }
}
const trying = createTrying({
  start: () => Promise.reject(unreachable()),
  get: () => Promise.reject(unreachable()),
  stop: () => Promise.resolve(),
  pause: () => Promise.resolve(),
})

/** A server whose newest version is `newest`, and which refuses what was made on an older one. */
function server(newest: RuleDetail, flaws: Flaw[] = []) {
  const sent: [string, Definition, number | null, string][] = []
  const it: RuleServer = {
    get: async () => newest,
    make: async (rule, reason) => {
      sent.push(['make', rule, null, reason])
      return { ...newest, definition: rule }
    },
    change: async (_, rule, version, reason) => {
      sent.push(['change', rule, version, reason])
      if (version !== newest.version) throw new Failure('refused', 409, '这条规则已被别人修改')
      return { ...newest, version: version + 1, definition: rule }
    },
    check: async () => flaws,
  }
  return { it, sent }
}

const limit = (text: string) => ({ type: 'text', text }) as const

describe('changing a rule', () => {
  it('sends what was typed, with the version that it was made on', async () => {
    const { it: stub, sent } = server(detail(3))
    const editing = createEditing(stub, ID, detail(3), trying)
    expect(editing.changed()).toBe(false)
    editing.typed.form.condition.value = limit('115')
    editing.typed.reason = ' 医生建议 '
    expect(editing.changed()).toBe(true)
    expect((await editing.save())?.version).toBe(4)
    expect(sent).toMatchObject([['change', { condition: { value: 115 } }, 3, '医生建议']])
  })

  it('loses nothing when somebody else was faster, and says what they did', async () => {
    const { it: stub, sent } = server(detail(4, { lasting_seconds: 600 }))
    const editing = createEditing(stub, ID, detail(3), trying)
    editing.typed.form.condition.value = limit('115')
    expect(await editing.save()).toBeNull()
    expect(editing.shown.meanwhile?.version).toMatchObject({ version: 4, changed_by: { name: '王某' } })
    expect(editing.definition()).toMatchObject({ condition: { value: 115 }, lasting_seconds: 600 })
    expect(await editing.save()).not.toBeNull()
    expect(sent.map(([, , version]) => version)).toEqual([3, 4])
  })

  it('an answer that was lost is no conflict with oneself', async () => {
    const wanted = { condition: { ...builtInRule('heart_rate_high').condition, value: 115 } }
    const editing = createEditing(server(detail(4, wanted)).it, ID, detail(3), trying)
    editing.typed.form.condition.value = limit('115')
    expect((await editing.save())?.version).toBe(4)
    expect(editing.shown.meanwhile).toBeNull()
  })

  it('keeps what was typed when it is refused', async () => {
    const { it: stub } = server(detail(3))
    const flaws = [{ where: 'condition.clear', what: '恢复值 110 应小于限值 105，否则会反复告警' }]
    const editing = createEditing(stub, ID, detail(3), trying)
    editing.typed.form.condition.value = limit('105')
    stub.change = () => Promise.reject(new Failure('refused', 422, '…', null, flaws))
    expect(await editing.save()).toBeNull()
    expect(editing.shown).toMatchObject({ flaws, trouble: '', saving: false })
    stub.change = () => Promise.reject(new Failure('refused', 403, '超出您的管辖范围'))
    expect(await editing.save()).toBeNull()
    expect(editing.shown.trouble).toBe('超出您的管辖范围')
    expect(editing.typed.form.condition.value).toEqual(limit('105'))
  })

  it('only the latest look at it counts', async () => {
    const { it: stub } = server(detail(3))
    const answers: ((flaws: Flaw[]) => void)[] = []
    stub.check = () => new Promise((resolve) => answers.push(resolve))
    const editing = createEditing(stub, ID, detail(3), trying)
    const looks = [editing.check(), editing.check()]
    answers[1]?.([])
    answers[0]?.([{ where: 'title', what: '旧的' }])
    await Promise.all(looks)
    expect(editing.shown.flaws).toEqual([])
  })
})

describe('a new rule', () => {
  it('is a copy that is tried first, under an id of its own', async () => {
    const { it: stub, sent } = server(detail(3))
    const editing = createEditing(stub, null, detail(3), trying)
    editing.typed.form.key = 'heart_rate_street'
    editing.typed.reason = '本街道试用'
    await editing.save()
    const [how, rule] = sent[0] ?? []
    expect(how).toBe('make')
    expect(rule).toMatchObject({ key: 'heart_rate_street', mode: 'shadow', condition: { value: 120 } })
    expect(rule).not.toHaveProperty('id')
    expect(rule).not.toHaveProperty('version')
  })

  it('is not sent a second time blindly', async () => {
    const { it: stub } = server(detail(3))
    stub.make = () => Promise.reject(unreachable())
    const editing = createEditing(stub, null, detail(3), trying)
    expect(await editing.save()).toBeNull()
    expect(editing.shown.trouble).toContain('请先看规则列表')
  })
})
