/** Which parts the conditions have, what they are called, and how each is typed and read. docs/rules.md has the rest. */
import { FIELDS, OWN_FIELDS } from './fields'
import { numberOf, secondsOf, spanOf, type Span } from './spans'

export interface Choice {
  value: string
  word: string
}

interface Common {
  /** Its key in the condition. */
  name: string
  label: string
  hint?: string
}
export type Part = Common &
  (
    | { type: 'number'; unit?: string; ofField?: boolean; optional?: boolean }
    | { type: 'choice'; choices: readonly Choice[] }
    | { type: 'flag' }
    | { type: 'span'; optional?: boolean }
    | { type: 'band' }
    | { type: 'hours'; optional?: boolean }
    | { type: 'clock' }
  )

/** What stands in the form for a part. */
export type Typed =
  | { type: 'text'; text: string }
  | { type: 'flag'; on: boolean }
  | { type: 'span'; span: Span }
  | { type: 'pair'; on: boolean; first: string; second: string }

const fieldsOf = (names: readonly string[]): Choice[] =>
  names.map((name) => ({ value: name, word: FIELDS[name]?.name ?? name }))
const DIRECTIONS: readonly Choice[] = [
  { value: 'above', word: '高于' },
  { value: 'below', word: '低于' },
]
const direction: Part = { name: 'direction', label: '方向', type: 'choice', choices: DIRECTIONS }

const over: Part = { name: 'over_seconds', label: '取中位数的时间', type: 'span', optional: true, hint: '与这段时间的中位数比较；不填则每次数据单独判断' }

export const KIND_WORD: Readonly<Record<string, string>> = {
  limit: '固定限值',
  own_limit: '与本人平时相比',
  score: 'NEWS2 评分',
  fence: '离开安全范围',
  stillness: '长时间没有活动',
  out_of_bed: '夜间离床',
}

export const PARTS: Readonly<Record<string, readonly Part[]>> = {
  limit: [
    { name: 'field', label: '项目', type: 'choice', choices: fieldsOf(Object.keys(FIELDS)) },
    direction,
    { name: 'value', label: '限值', type: 'number', ofField: true, hint: '正好等于限值不算超限' },
    { name: 'clear', label: '恢复值', type: 'number', ofField: true, hint: '回到这个值才算恢复' },
    over,
  ],
  own_limit: [
    { name: 'field', label: '项目', type: 'choice', choices: fieldsOf(OWN_FIELDS) },
    direction,
    { name: 'spreads', label: '偏离倍数', type: 'number', unit: '倍', hint: '离本人平时有多远，以平时的波动为一倍' },
    { name: 'clear_spreads', label: '恢复倍数', type: 'number', unit: '倍' },
    { name: 'least_hours', label: '至少有多少小时数据', type: 'number', unit: '小时', hint: '两周内，数据不够就不与平时比' },
    { name: 'inside', label: '正常范围', type: 'band', hint: '在这之内不算异常' },
    { name: 'always', label: '人人适用的限值', type: 'number', ofField: true, optional: true, hint: '超过它总要提醒，不论本人平时如何；可不填' },
    { name: 'until_known', label: '尚无平时数据时的限值', type: 'number', ofField: true, optional: true, hint: '不填就不判断' },
    over,
  ],
  score: [
    { name: 'total', label: '总分', type: 'number', unit: '分', hint: '达到这个分数就算' },
    { name: 'or_three_in_one', label: '任一项 3 分也算', type: 'flag' },
    { name: 'fresh_seconds', label: '数值多久内有效', type: 'span' },
  ],
  fence: [{ name: 'fixes', label: '连续几次定位在外', type: 'number', unit: '次' }],
  stillness: [
    { name: 'factor', label: '超过本人平时的', type: 'number', unit: '倍' },
    { name: 'least_seconds', label: '至少', type: 'span' },
    { name: 'least_days', label: '至少有多少天数据', type: 'number', unit: '天', hint: '四周内，不够的人不判断' },
    { name: 'quiet', label: '不提醒的时段', type: 'hours', optional: true, hint: '北京时间' },
  ],
  out_of_bed: [
    { name: 'night', label: '夜间', type: 'hours', hint: '北京时间' },
    { name: 'back_by', label: '最晚几点应在床上', type: 'clock', hint: '北京时间，不填就不看' },
  ],
}

type TimeName = 'lasting_seconds' | 'clear_after_seconds' | 'gap_seconds'
interface Time {
  name: TimeName
  label: string
  hint: string
}
const MEASURED: readonly Time[] = [
  { name: 'lasting_seconds', label: '持续时间', hint: '连续超限这么久才提醒，0 为立即' },
  { name: 'clear_after_seconds', label: '恢复时间', hint: '连续正常这么久才算恢复' },
  { name: 'gap_seconds', label: '最大间隔', hint: '两次数据隔得更久，就不算连续' },
]
/** Which times a kind of condition goes by, and what they mean for it. */
export const TIMES: Readonly<Record<string, readonly Time[]>> = {
  limit: MEASURED,
  own_limit: MEASURED,
  score: MEASURED,
  fence: [
    { name: 'lasting_seconds', label: '两次在外相隔', hint: '不够连续次数时，两次相隔这么久也算' },
    { name: 'clear_after_seconds', label: '恢复时间', hint: '回到范围内这么久才算恢复' },
    { name: 'gap_seconds', label: '最大间隔', hint: '两次定位隔得更久，就不算同一次外出' },
  ],
  stillness: [{ name: 'gap_seconds', label: '最大间隔', hint: '设备这么久没有数据，就重新计时' }],
  out_of_bed: [{ name: 'lasting_seconds', label: '多久未回', hint: '离床超过这么久就提醒' }],
}
/** What the server takes when a definition has none. */
export const TIME_DEFAULT: Readonly<Record<TimeName, number>> = {
  lasting_seconds: 0,
  clear_after_seconds: 0,
  gap_seconds: 300,
}
export const TIME_NAMES = Object.keys(TIME_DEFAULT) as TimeName[]

const isObject = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw)
const plain = (raw: unknown): boolean => typeof raw === 'number' || typeof raw === 'string'

/** What to show for a part, or null when the form cannot express what is there. */
export function typed(part: Part, raw: unknown): Typed | null {
  const none = raw === undefined || raw === null
  switch (part.type) {
    case 'number':
    case 'choice':
    case 'clock':
      return none ? { type: 'text', text: '' } : plain(raw) ? { type: 'text', text: String(raw) } : null
    case 'flag':
      return none || typeof raw === 'boolean' ? { type: 'flag', on: raw === true } : null
    case 'span':
      if (none) return { type: 'span', span: { amount: '', unit: 'min' } }
      return typeof raw === 'number' ? { type: 'span', span: spanOf(raw) } : null
    case 'band':
      if (!Array.isArray(raw) || raw.length !== 2 || !raw.every(plain)) return null
      return { type: 'pair', on: true, first: String(raw[0]), second: String(raw[1]) }
    case 'hours':
      if (none) return { type: 'pair', on: !part.optional, first: '', second: '' }
      if (!isObject(raw) || Object.keys(raw).some((key) => key !== 'from' && key !== 'to')) return null
      return { type: 'pair', on: true, first: String(raw.from ?? ''), second: String(raw.to ?? '') }
  }
}

/** What is stored for what was typed; undefined when there is nothing to be stored. */
export function stored(part: Part, value: Typed): unknown {
  switch (value.type) {
    case 'text':
      if (part.type === 'number' && part.optional && !value.text.trim()) return undefined
      if (part.type === 'number') return numberOf(value.text)
      if (part.type === 'clock') return clockOf(value.text) || undefined
      return value.text
    case 'flag':
      return value.on
    case 'span':
      if (part.type === 'span' && part.optional && !value.span.amount.trim()) return undefined
      return secondsOf(value.span)
    case 'pair':
      if (!value.on) return undefined
      if (part.type === 'band') return [numberOf(value.first), numberOf(value.second)]
      return { from: clockOf(value.first), to: clockOf(value.second) }
  }
}

/** Typed, and not picked: pickers show 10:00 PM where the browser is not Chinese. */
const clockOf = (text: string): string => text.normalize('NFKC').trim()
