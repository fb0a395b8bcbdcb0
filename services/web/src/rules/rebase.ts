/**
 * When somebody else has changed a rule meanwhile: what I changed, on top of what they made of it. Part by part; where
 * both changed the same part, mine stays, and the form shows theirs beside it.
 */
import type { Definition } from '../api/ruleTypes'

type Json = Record<string, unknown>

export function rebase(before: Definition, mine: Definition, theirs: Definition): Definition {
  return merge(before, mine, theirs) as Definition
}

export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, place) => same(each, b[place]))
  if (!isObject(a) || !isObject(b)) return (a ?? null) === (b ?? null)
  // Null is the same as absent.
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => same(a[name], b[name]))
}

/** Which version it is, and under which id, says nothing about what it says. */
export const sameRule = (a: Definition, b: Definition): boolean =>
  same({ ...a, id: null, version: null }, { ...b, id: null, version: null })

function merge(before: unknown, mine: unknown, theirs: unknown): unknown {
  if (same(before, mine)) return theirs
  // A condition of another kind is another thing: its parts are not mixed.
  if (!isObject(before) || !isObject(mine) || !isObject(theirs) || mine.kind !== theirs.kind) return mine
  const merged: Json = {}
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const value = merge(before[name], mine[name], theirs[name])
    if (value !== undefined) merged[name] = value
  }
  return merged
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
