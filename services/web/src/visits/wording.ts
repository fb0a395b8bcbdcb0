import type { DueVisit, Every, PeriodRate, Result } from './types'

export const EVERY_WORDS: Readonly<Record<Every, string>> = { week: '每周', month: '每月', quarter: '每季度' }
export const RATE_WORDS: Readonly<Record<Every, string>> = { week: '周探访率', month: '月探访率', quarter: '季度探访率' }
export const RESULT_WORDS: Readonly<Record<Result, string>> = { met: '已见面', telephone: '电话联系', not_met: '没有见到' }
export const CONCERNS = ['身体不适', '情绪低落', '用药问题', '居家安全隐患', '生活困难', '设备故障', '其他'] as const

const DAY_MS = 86_400_000
const days = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS)

/** When a visit is due, as somebody says it; `today` is Beijing's day. */
export function dueWords(due: DueVisit, today: string): string {
  const left = days(today, due.due_on)
  if (left < 0) return `逾期 ${-left} 天`
  if (left === 0) return '今天到期'
  return `还有 ${left} 天`
}

export const lastWords = (due: DueVisit): string => (due.visited_on === null ? '还没有巡访过' : `上次 ${due.visited_on}`)

export const rateWords = (rate: number | null): string => (rate === null ? '—' : `${(Math.floor(rate * 1000) / 10).toFixed(1)}%`)

/** A period by what it is called. */
export function periodWords(period: PeriodRate, every: Every): string {
  const [year = '', month = ''] = period.first.split('-')
  if (every === 'month') return `${year}年${Number(month)}月`
  if (every === 'quarter') return `${year}年${Math.ceil(Number(month) / 3)}季度`
  return `${period.first.slice(5)} 至 ${period.last.slice(5)}`
}

/** Of metres from home; a telephone's position is within some hundred of them. */
export function whereWords(metres: number | null): string {
  if (metres === null) return ''
  return metres <= 300 ? '在家附近' : `离住址 ${metres >= 1000 ? `${(metres / 1000).toFixed(1)} 公里` : `${metres} 米`}`
}
