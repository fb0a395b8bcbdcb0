/** A definition line by line, and what is different between two. */
import type { Definition } from '../api/ruleTypes'
import { severityColour } from '../alerts/wording'
import { fieldName, measured } from './fields'
import { kept } from './form'
import { KIND_WORD, PARTS, TIMES, type Part } from './parts'
import { exactly } from './spans'
import { directionWord, hoursWord, modeWord, scopeWords, severityWhenWords, type Names } from './wording'

export interface Line {
  where: string
  label: string
  words: string
}

export interface Difference {
  label: string
  /** Null where there was nothing of the kind, or is nothing any more. */
  before: string | null
  after: string | null
}

export function describe(definition: Definition, names: Names): Line[] {
  const { condition } = definition
  const lines: Line[] = [
    { where: 'title', label: '标题', words: definition.title },
    { where: 'mode', label: '状态', words: modeWord(definition.mode) },
    { where: 'severity', label: '级别', words: severityColour(definition.severity) },
    { where: 'severity_when', label: '特定人群的级别', words: severityWhenWords(definition.severity_when, names) },
    { where: 'scope', label: '适用', words: scopeWords(definition.scope, names) },
    { where: 'condition.kind', label: '条件', words: KIND_WORD[condition.kind] ?? condition.kind },
  ]
  for (const part of PARTS[condition.kind] ?? []) {
    lines.push({ where: `condition.${part.name}`, label: part.label, words: partWords(part, condition[part.name], condition.field) })
  }
  for (const { name, label } of TIMES[condition.kind] ?? []) {
    lines.push({ where: name, label, words: typeof definition[name] === 'number' ? exactly(definition[name]) : '—' })
  }
  lines.push({ where: 'source', label: '依据', words: definition.source || '—' })
  const shown = new Set(lines.map((line) => line.where))
  for (const { where, value } of kept(definition)) {
    if (!shown.has(where) && !where.startsWith('severity_when')) lines.push({ where, label: where, words: JSON.stringify(value) })
  }
  return lines
}

function partWords(part: Part, raw: unknown, field: unknown): string {
  if (raw === undefined || raw === null) return part.type === 'flag' ? '否' : '—'
  switch (part.type) {
    case 'number':
      return part.ofField ? measured(raw, field) : `${String(raw)} ${part.unit ?? ''}`.trim()
    case 'choice':
      return part.name === 'field' ? fieldName(raw) : directionWord(raw)
    case 'flag':
      return raw === true ? '是' : '否'
    case 'span':
      return typeof raw === 'number' ? exactly(raw) : String(raw)
    case 'band':
      return Array.isArray(raw) ? raw.join('–') : String(raw)
    case 'hours':
      return hoursWord(raw)
    case 'clock':
      return String(raw)
  }
}

/** What somebody has changed, in the order in which a rule is read. */
export function differences(before: Definition, after: Definition, names: Names): Difference[] {
  const was = describe(before, names)
  const is = new Map(describe(after, names).map((line) => [line.where, line]))
  const found: Difference[] = []
  for (const { where, label, words } of was) {
    const now = is.get(where)
    is.delete(where)
    if (now?.words !== words) found.push({ label: now?.label ?? label, before: words, after: now?.words ?? null })
  }
  for (const { label, words } of is.values()) found.push({ label, before: null, after: words })
  return found
}
