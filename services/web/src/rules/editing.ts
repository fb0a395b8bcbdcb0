import { reactive, shallowReactive } from 'vue'
import { Failure, inWords } from '../api/failure'
import type { Definition, Flaw, RuleDetail, RuleVersion } from '../api/ruleTypes'
import { definitionOf, formOf, type RuleForm } from './form'
import { rebase, same, sameRule } from './rebase'
import type { Trying } from './trial'

export interface RuleServer {
  get(id: string): Promise<RuleDetail>
  make(rule: Definition, reason: string): Promise<RuleDetail>
  change(id: string, rule: Definition, version: number, reason: string): Promise<RuleDetail>
  check(rule: Definition): Promise<Flaw[]>
}

export type Editing = ReturnType<typeof createEditing>

/**
 * A rule as somebody is changing it, or making it when `id` is null: `original` is the rule that is changed or copied.
 * What was typed outlives every refusal.
 */
export function createEditing(server: RuleServer, id: string | null, original: RuleDetail, trying: Trying) {
  const shown = shallowReactive({
    /** The newest version that is known; the change is made on it. */
    base: original as RuleVersion,
    flaws: [] as readonly Flaw[],
    checkTrouble: '',
    trouble: '',
    saving: false,
    /** Somebody else's version that came in between, and the one before it. */
    meanwhile: null as { before: Definition; version: RuleVersion } | null,
  })
  const typed = reactive({ form: formOf(startOf(original, id)) as RuleForm, reason: '' })
  let asked = 0

  const definition = (): Definition => definitionOf(typed.form as RuleForm)
  const changed = (): boolean => id === null || !same(definition(), definitionOf(formOf(shown.base.definition)))

  /** Asks the server what is wrong; only the latest answer counts. */
  async function check(): Promise<void> {
    const own = ++asked
    try {
      const flaws = await server.check(definition())
      if (own === asked) Object.assign(shown, { flaws, checkTrouble: '' })
    } catch (cause) {
      if (own === asked) shown.checkTrouble = `没能检查：${inWords(cause)}`
    }
  }

  /** The stored rule; null when it was not stored, and `shown` says why. */
  async function save(): Promise<RuleDetail | null> {
    if (shown.saving) return null
    Object.assign(shown, { saving: true, trouble: '' })
    const rule = definition()
    try {
      return id === null ? await server.make(rule, typed.reason.trim()) : await server.change(id, rule, shown.base.version, typed.reason.trim())
    } catch (cause) {
      if (id !== null && cause instanceof Failure && cause.status === 409) return await followOthers(id)
      if (cause instanceof Failure && cause.flaws.length > 0) {
        asked++
        shown.flaws = cause.flaws
      } else if (cause instanceof Failure && cause.kind === 'unreachable' && id === null) {
        shown.trouble = `${inWords(cause)}。这条规则可能已经保存，请先看规则列表，没有再保存一次。`
      } else {
        shown.trouble = inWords(cause)
      }
      return null
    } finally {
      shown.saving = false
    }
  }

  /** Somebody was faster: what was typed goes on top of what they made of it, and waits for another look. */
  async function followOthers(rule: string): Promise<RuleDetail | null> {
    try {
      const theirs = await server.get(rule)
      const mine = definition()
      const before = shown.base.definition
      const merged = rebase(before, mine, theirs.definition)
      // An answer that was lost on its way: the version in between is what I had sent.
      if (sameRule(mine, theirs.definition)) return theirs
      typed.form = formOf(merged)
      Object.assign(shown, { base: theirs, meanwhile: { before, version: theirs } })
      await check()
    } catch (cause) {
      shown.trouble = inWords(cause)
    }
    return null
  }

  return { id, original, shown, typed, trying, definition, changed, check, save }
}

/** A copy is made in shadow mode: it is tried before it speaks. */
function startOf(original: RuleDetail, id: string | null): Definition {
  if (id !== null) return original.definition
  const { id: _id, version: _version, ...copy } = original.definition
  return { ...copy, mode: 'shadow' }
}
