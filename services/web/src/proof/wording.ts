/** Drills and reports in an operator's words. */
import type { Drill, DrillPress, DrillState } from '../api/proofTypes'
import { duration } from '../time/format'

const STATE: Readonly<Record<DrillState, string>> = { planned: '待开始', running: '进行中', ended: '已结束', called_off: '已叫停' }
export const drillState = (state: DrillState): string => STATE[state]

export function overWhy(drill: Pick<Drill, 'over_why' | 'over_by'>): string {
  switch (drill.over_why) {
    case 'complete':
      return '全部按下并处置完毕'
    case 'time_up':
      return '时间到'
    case 'call_off':
      return `由${drill.over_by?.name ?? '值班员'}叫停`
    default:
      return ''
  }
}

/** What became of one device's press. */
export function pressWord(press: DrillPress, over: boolean): string {
  if (press.pressed_at === null) return over ? '没有按下' : '等待按下'
  if (press.answer_seconds === null) return '已响铃，没有人接警'
  return `${seconds(press.answer_seconds)}接警`
}

/** "4.2 秒", "1 分钟 12 秒", "—" */
export function seconds(value: number | null): string {
  if (value === null) return '—'
  if (value < 60) return `${Number(value.toFixed(1))} 秒`
  if (value < 3600) {
    const rest = Math.round(value % 60)
    return rest === 0 || rest === 60 ? `${Math.round(value / 60)} 分钟` : `${Math.floor(value / 60)} 分钟 ${rest} 秒`
  }
  return duration(value)
}

/** "95.2%", "—". Rounded down: a share is never shown as one that it has not reached. */
export const percent = (share: number | null): string => (share === null ? '—' : `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)}%`)
