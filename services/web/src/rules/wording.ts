/** Rules in words, for those who did not write them. */
import type { Condition, Definition, Mode, Scope, SeverityWhen } from '../api/ruleTypes'
import { severityColour } from '../alerts/wording'
import { abilityWord } from '../elders/wording'
import { fieldName, measured } from './fields'
import { exactly } from './spans'

/** Names of organisations and elders by their ids, as far as they are known. */
export type Names = ReadonlyMap<string, string>

const MODE: Readonly<Record<Mode, { word: string; what: string }>> = {
  live: { word: '启用', what: '会产生告警' },
  shadow: { word: '试行', what: '只在后台记录，不产生告警' },
  off: { word: '停用', what: '不计算' },
}
export const MODES = Object.keys(MODE) as Mode[]
export const modeWord = (mode: Mode | null | undefined): string => (mode ? (MODE[mode]?.word ?? mode) : '启用')
export const modeMeaning = (mode: Mode): string => MODE[mode]?.what ?? ''

const lasted = (seconds: unknown): string =>
  typeof seconds === 'number' && seconds > 0 ? `，持续 ${exactly(seconds)}` : '，一测到就提醒'

interface Hours {
  from: string
  to: string
}
export const hoursWord = (hours: unknown): string => {
  const { from, to } = (hours ?? {}) as Partial<Hours>
  return `${from ?? '？'}–${to ?? '？'}`
}
const above = (condition: Condition): boolean => condition.direction === 'above'

/** What is compared when it is no single value. */
const median = ({ over_seconds: over }: Condition): string =>
  typeof over === 'number' && over > 0 ? `（${exactly(over)}中位数）` : ''
const beyond = (condition: Condition, when: string, limit: unknown): string =>
  typeof limit === 'number' ? `，${when} ${above(condition) ? '>' : '<'} ${measured(limit, condition.field)}` : ''

/** When it speaks: "心率 > 120 次/分，持续 5 分钟". */
export function conditionSentence(definition: Definition): string {
  const { condition, lasting_seconds: lasting } = definition
  switch (condition.kind) {
    case 'limit':
      return `${fieldName(condition.field)}${median(condition)} ${above(condition) ? '>' : '<'} ${measured(condition.value, condition.field)}${lasted(lasting)}`
    case 'own_limit': {
      const [low, high] = Array.isArray(condition.inside) ? (condition.inside as unknown[]) : []
      const usual = `${String(low)}–${measured(high, condition.field)}`
      const always = beyond(condition, '总要提醒', condition.always)
      const unknown = beyond(condition, '尚无平时数据时', condition.until_known)
      return `${fieldName(condition.field)}${median(condition)}${above(condition) ? '高于' : '低于'}本人平时，偏离 ${String(condition.spreads)} 倍，且不在 ${usual}之内${always}${unknown}${lasted(lasting)}`
    }
    case 'score':
      return `NEWS2 评分 ≥ ${String(condition.total)} 分${condition.or_three_in_one ? '，或任一项 3 分' : ''}${lasted(lasting)}`
    case 'fence': {
      const apart = typeof lasting === 'number' && lasting > 0 ? `，或相隔 ${exactly(lasting)}的两次` : ''
      return `离开安全范围：连续 ${String(condition.fixes ?? 3)} 次定位确定在外${apart}`
    }
    case 'stillness': {
      const quiet = condition.quiet ? `，${hoursWord(condition.quiet)} 不提醒` : ''
      return `没有活动超过本人平时的 ${String(condition.factor)} 倍，且至少 ${exactly(Number(condition.least_seconds))}${quiet}`
    }
    case 'out_of_bed': {
      const backBy = condition.back_by ? `；或到 ${String(condition.back_by)} 仍不在床上` : ''
      return `${hoursWord(condition.night)} 之间离床，${exactly(lasting ?? 0)}未回${backBy}`
    }
    default:
      return `其他条件（${condition.kind}）`
  }
}

/** When it is over: "≤ 110 次/分，持续 5 分钟"; empty where the condition says it by itself. */
export function clearSentence({ condition, clear_after_seconds: after }: Definition): string {
  const held = after ? `，持续 ${exactly(after)}` : ''
  switch (condition.kind) {
    case 'limit':
      return `${above(condition) ? '≤' : '≥'} ${measured(condition.clear, condition.field)}${held}`
    case 'own_limit':
      return `偏离不到 ${String(condition.clear_spreads)} 倍${held}`
    case 'score':
      return `< ${String(condition.total)} 分${held}`
    case 'fence':
      return `回到范围内${held}`
    case 'stillness':
      return '有活动'
    case 'out_of_bed':
      return '回到床上'
    default:
      return ''
  }
}

/** For whom: "所有人", "龙岗街道（含下属），重度失能或完全失能". */
export function scopeWords(scope: Scope | null | undefined, names: Names): string {
  const parts: string[] = []
  const named = (id: string): string => names.get(id) ?? `编号 ${id}`
  if (scope?.elder_id) parts.push(named(scope.elder_id))
  if (scope?.organization_id) parts.push(`${named(scope.organization_id)}（含下属）`)
  if (scope?.ability_levels?.length) parts.push(byDegree(scope.ability_levels).map(abilityWord).join('或'))
  if (scope?.care_categories?.length) parts.push(scope.care_categories.join('或'))
  return parts.join('，') || '所有人'
}

export const ABILITY_LEVELS = ['intact', 'mild', 'moderate', 'severe', 'total'] as const
const byDegree = (levels: readonly string[]): string[] => {
  const degree = (level: string): number => (ABILITY_LEVELS as readonly string[]).indexOf(level)
  return [...levels].sort((a, b) => degree(a) - degree(b))
}

export const severityWhenWords = (when: readonly SeverityWhen[] | null | undefined, names: Names): string =>
  (when ?? []).map((context) => `${scopeWords(context.scope, names)}：${severityColour(context.severity)}`).join('；') || '无'

export const directionWord = (direction: unknown): string =>
  direction === 'above' ? '高于' : direction === 'below' ? '低于' : String(direction)
