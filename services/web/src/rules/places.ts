import { PARTS, TIMES } from './parts'
import type { RuleForm } from './form'

/** The paths that the form has a place for, at which flaws are shown. */
export function placesOf(form: RuleForm): string[] {
  const { kind } = form.base.condition
  return [
    ...['key', 'title', 'severity', 'mode', 'source', 'scope'],
    ...(PARTS[kind] ?? []).map((part) => `condition.${part.name}`),
    ...(TIMES[kind] ?? []).map((time) => time.name),
    ...form.contexts.map((_, place) => `severity_when.${place}`),
  ]
}
