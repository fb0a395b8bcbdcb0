import type { Definition } from '../api/ruleTypes'
import builtIn from './builtInRules.json'

/** The rules that Anhu comes with, as the server has them (tests/unit/domain/rules/test_built_in.py compares). */
export const BUILT_IN = builtIn as unknown as Definition[]

export function builtInRule(key: string): Definition {
  const rule = BUILT_IN.find((each) => each.key === key)
  if (!rule) throw new Error(`there is no built-in rule ${key}`)
  return structuredClone(rule)
}
