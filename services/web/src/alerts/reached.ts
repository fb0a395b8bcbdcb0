/** Who beside the screens knows of an alert: family who say that all is well, people whom nothing reached, the elder. */
import type { Alert, AlertDetail, DeviceEvent, TimelineEntry } from '../api/types'
import { beijingMoment } from '../time/format'

const WHY: Readonly<Record<string, string>> = { caregiver: '家属', duty: '值班', named: '指定人员', responder: '响应人员', tier: '上级' }
const END: Readonly<Record<string, string>> = {
  no_channel: '没有登记通知方式',
  unreached: '所有通知方式都没有送达',
  unopened: '已发送，没有打开',
}

/** "家属 张晓兰：所有通知方式都没有送达，请打电话" */
export function unreachedWords(body: Record<string, unknown>): string {
  const { why, name, end } = body
  const who = [WHY[String(why)] ?? '', String(name ?? '')].filter(Boolean).join(' ')
  return `${who}：${END[String(end)] ?? '没有通知到'}，请打电话`
}

export function unreached(timeline: readonly TimelineEntry[] | null): string[] {
  return (timeline ?? []).flatMap((entry) => (entry.kind === 'unreached' && entry.body ? [unreachedWords(entry.body)] : []))
}

/** "家属 张晓兰 14:03:05 确认安全：是误按" */
export function safeWords(timeline: readonly TimelineEntry[] | null, now: number): string[] {
  return (timeline ?? []).flatMap((entry) =>
    entry.kind === 'family_safe'
      ? [`家属 ${entry.by?.name ?? ''} ${beijingMoment(entry.at, now)} 确认安全${entry.note ? `：${entry.note}` : ''}`]
      : [],
  )
}

const STAGES = ['stored', 'raised', 'seen', 'acknowledged', 'dispatched', 'arrived', 'resolved', 'cancelled']
const TOLD: Readonly<Record<string, string>> = {
  stored: '已收到',
  raised: '已收到',
  seen: '已看到',
  acknowledged: '已接警',
  dispatched: '正在路上',
  arrived: '已到达',
  resolved: '已处置',
  cancelled: '已取消',
}

/** What the elder's device was told last, as far as the broker has it: "设备已提示老人：已接警（14:03:05）". */
export function toldWords(events: readonly DeviceEvent[] | null, now: number): string | null {
  if (!events || events.length === 0) return null
  const told = events.flatMap((event) => (event.told ? [event.told] : []))
  const last = told.sort((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage)).at(-1)
  return last ? `设备已提示老人：${TOLD[last.stage] ?? last.stage}（${beijingMoment(last.at, now)}）` : '还没有提示到老人的设备'
}

export function stageOf(alert: Pick<Alert, 'state' | 'seen_at'>): string {
  if (alert.state === 'triggered') return alert.seen_at ? 'seen' : 'raised'
  return alert.state === 'followed_up' ? 'resolved' : alert.state
}

/** Whether a receipt is still on its way. */
export const behind = (detail: AlertDetail): boolean =>
  detail.events.some((event) => event.told !== undefined && event.told?.stage !== stageOf(detail))
