/** The time that a rule is tried on. */
import { dayOf, instantOf, stamped } from '../time/beijing'

const DAY_MS = 86_400_000
/** As the server allows. */
const LONGEST_DAYS = 31

export type PeriodChoice = 'yesterday' | 'week' | 'own'
export const PERIODS: readonly { choice: PeriodChoice; word: string }[] = [
  { choice: 'yesterday', word: '昨天' },
  { choice: 'week', word: '近 7 天' },
  { choice: 'own', word: '自选' },
]

export interface Period {
  from: string
  to: string
}

/** Times of `own` as typed, in 北京时间; a sentence says what is wrong with them. */
export function periodOf(choice: PeriodChoice, own: Period, now: number): Period | string {
  const minute = Math.floor(now / 60_000) * 60_000
  if (choice === 'yesterday') return { from: stamped(dayOf(now) - DAY_MS), to: stamped(dayOf(now)) }
  if (choice === 'week') return { from: stamped(minute - 7 * DAY_MS), to: stamped(minute) }
  const from = instantOf(own.from)
  const to = instantOf(own.to)
  if (Number.isNaN(from) || Number.isNaN(to)) return '请选择开始和结束时间'
  if (to <= from) return '结束应晚于开始'
  if (to > now) return '只能用已经过去的时间'
  if (to - from > LONGEST_DAYS * DAY_MS) return `最长 ${LONGEST_DAYS} 天`
  return { from: stamped(from), to: stamped(to) }
}
