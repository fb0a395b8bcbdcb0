/** Rosters and policies in words. */
import type { ChangeKind, DayKind, DutyDay, RehearsedCall, Shift, Span, Stage, Turn } from '../api/dutyTypes'
import type { Named } from '../api/types'
import { duration } from '../time/format'

export const DAY_WORD: Readonly<Record<DayKind, string>> = { workday: '工作日', rest: '休息日', holiday: '法定节假日' }
export const TURN_WORD: Readonly<Record<Turn, string>> = { together: '同时在岗', daily: '按天轮换', weekly: '按周轮换' }
export const CHANGE_WORD: Readonly<Record<ChangeKind, string>> = { absence: '请假', swap: '换班', extra: '加班' }
export const STAGE_WORD: Readonly<Record<Stage, string>> = {
  unanswered: '无人接警',
  asked_again: '再次呼叫，或已接警而无进展',
  undispatched: '已接警，未派员',
  unarrived: '已派员，未到场',
  unclosed: '已到场，未办结',
}
export const STAGES = Object.keys(STAGE_WORD) as Stage[]

export const namesOf = (people: readonly Named[]): string => people.map((one) => one.name).join('、')

const dayAndClock = new Intl.DateTimeFormat('zh-CN', {
  timeZone: 'Asia/Shanghai',
  month: 'numeric',
  day: 'numeric',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const dayOnly = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', month: 'numeric', day: 'numeric', weekday: 'short' })
const clockOnly = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** "12/5周六 08:00 至 20:00", with the second day when it is another one. */
export function spanWords(span: Span): string {
  const [begin, end] = [Date.parse(span.begins_at), Date.parse(span.ends_at)]
  const sameDay = dayOnly.format(begin) === dayOnly.format(end)
  return `${dayAndClock.format(begin)} 至 ${sameDay ? clockOnly.format(end) : dayAndClock.format(end)}`
}

/** "08:00–次日 08:00" */
export function hours(begins: string, ends: string): string {
  if (begins === ends) return begins === '00:00' ? '全天' : `${begins}–次日 ${ends}`
  return ends > begins || ends === '00:00' ? `${begins}–${ends === '00:00' ? '24:00' : ends}` : `${begins}–次日 ${ends}`
}

const ALL_DAYS = 3
const WEEKDAYS = '一二三四五六日'
export function daysWords(days: readonly DayKind[], weekdays: readonly number[] = []): string {
  const kinds = days.length === ALL_DAYS ? '每天' : days.map((day) => DAY_WORD[day]).join('、')
  return weekdays.length === 0 ? kinds : `${kinds}（仅周${[...weekdays].sort().map((day) => WEEKDAYS[day]).join('、')}）`
}

export const shiftWords = (shift: Shift): string =>
  `${hours(shift.begins, shift.ends)} · ${daysWords(shift.days, shift.weekdays)}${shift.people.length > 1 ? ` · ${TURN_WORD[shift.turn]}` : ''}`

export function dayWords(day: DutyDay): string {
  const worked = day.kind === 'workday' && day.name
  return `${worked ? `${day.name}调休上班` : (day.name ?? DAY_WORD[day.kind])}${day.said ? '（本地设定）' : ''}`
}

/** "30 秒后", "3 分钟后", "立即" */
export const afterWords = (seconds: number): string => (seconds === 0 ? '立即' : `${spanOf(seconds)}后`)

function spanOf(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  return seconds >= 60 && seconds < 3600 && seconds % 60 !== 0 ? `${minutes} 分 ${seconds % 60} 秒` : duration(seconds)
}

/** What a step of a rehearsal would do. */
export function callWords(call: RehearsedCall): string {
  const parts: string[] = []
  if (call.organization) parts.push(`${call.organization.name}的屏幕也显示`)
  if (call.people.length > 0) parts.push(`通知${namesOf(call.people)}`)
  if (call.who.includes('caregivers') && !call.people.some((one) => one.why === 'caregiver')) parts.push('通知该老人的家属')
  if (call.nobody_on_duty) parts.push('值班表上无人当班')
  if (call.attention) parts.push('再次响铃，任何人可接手')
  return parts.join('；') || '没有可通知的人'
}
