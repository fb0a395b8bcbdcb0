/** Times as operators read them: 北京时间, whatever the browser's time zone. */

const ZONE = 'Asia/Shanghai'
const clockFormat = new Intl.DateTimeFormat('zh-CN', {
  timeZone: ZONE,
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const dateFormat = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, month: 'long', day: 'numeric' })
const weekdayFormat = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, weekday: 'short' })
const dayFormat = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE })

const instant = (time: number | string): number => (typeof time === 'number' ? time : Date.parse(time))

/** "11:20:03" */
export function beijingClock(time: number | string): string {
  const at = instant(time)
  return Number.isNaN(at) ? '—' : clockFormat.format(at)
}

/** "11月22日 周日" */
export function beijingDate(time: number | string): string {
  const at = instant(time)
  return Number.isNaN(at) ? '—' : `${dateFormat.format(at)} ${weekdayFormat.format(at)}`
}

/** "11:20:03", with the date before it when that is not today. */
export function beijingMoment(time: number | string, now: number): string {
  const at = instant(time)
  if (Number.isNaN(at)) return '—'
  const today = dayFormat.format(at) === dayFormat.format(now)
  return today ? clockFormat.format(at) : `${dateFormat.format(at)} ${clockFormat.format(at)}`
}

/** "02:13", "1:02:13", "2天 01:02:13"; never negative. */
export function running(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000))
  const days = Math.floor(total / 86_400)
  const hours = Math.floor((total % 86_400) / 3600)
  const tail = [Math.floor((total % 3600) / 60), total % 60].map((n) => String(n).padStart(2, '0')).join(':')
  if (days > 0) return `${days}天 ${String(hours).padStart(2, '0')}:${tail}`
  return hours > 0 ? `${hours}:${tail}` : tail
}

/** "45 秒", "12 分钟", "3 小时 5 分钟": rounded down, for what is said once and does not run. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds))
  if (total < 60) return `${total} 秒`
  if (total < 3600) return `${Math.floor(total / 60)} 分钟`
  const minutes = Math.floor((total % 3600) / 60)
  if (total < 86_400) return `${Math.floor(total / 3600)} 小时${minutes ? ` ${minutes} 分钟` : ''}`
  return `${Math.floor(total / 86_400)} 天`
}
