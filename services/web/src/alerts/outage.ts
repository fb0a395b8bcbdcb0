import type { Alert } from '../api/types'
import { beijingMoment, duration } from '../time/format'

const OTHERS: ReadonlySet<string> = new Set(['area.outage', 'station.unwatched', 'visit.overdue', 'medication.missed'])
/** Of a device's own state, an area's, or of what was to be done and was not: no event and no rule raised it. */
export const ofDevices = (alert: Alert): boolean => alert.type.startsWith('device.') || OTHERS.has(alert.type)

/** What is known of it, in one sentence; empty for what an event or a rule raised. */
export function outageSentence(alert: Alert, now: number): string {
  const detail = alert.detail
  if (!detail) return ''
  const since = detail.since ? beijingMoment(detail.since, now) : ''
  const after = detail.restored_at ? `，${beijingMoment(detail.restored_at, now)} 已恢复` : ''
  switch (alert.type) {
    case 'area.outage': {
      const where = `${detail.area ?? ''}${detail.source ? `（接入来源 ${detail.source}）` : ''}`
      return `${where} ${detail.lost ?? 0} 台设备自 ${since} 起同时失联，已恢复 ${detail.restored ?? 0} 台${after}`
    }
    case 'station.unwatched':
      return `${detail.area ?? ''}自 ${since} 起${detail.why === 'nobody_on_duty' ? '无人当班' : '没有人看值守屏'}${after}`
    case 'visit.overdue':
      return `${detail.plan ?? ''}巡访应在 ${detail.due_on ?? ''} 以前${detail.visited_on ? `，上次 ${detail.visited_on}` : '，还没有巡访过'}${after}`
    case 'medication.missed':
      return `${detail.due_at ? beijingMoment(detail.due_at, now) : ''} 的药没有按时服${detail.family ? '，已先通知家属' : ''}${after}`
    case 'device.offline':
      return `自 ${since} 起没有消息${detail.usual_seconds ? `，平时约每 ${duration(detail.usual_seconds)}上报一次` : ''}${after}`
    case 'device.not_worn':
      return `自 ${since} 起未佩戴${after}`
    case 'device.low_battery':
      return `${typeof detail.battery === 'number' ? `电量 ${Math.round(detail.battery)}%` : '设备报电量低'}${after}`
    case 'device.untested':
      return `自 ${since} 起没有按过，也没有测试过${after}`
    default:
      return ''
  }
}
