/** What is covered, until when, and by what something was held back. */
import { deviceWord, typeWord } from '../alerts/wording'
import type { Cover, HeldAlert } from '../api/coverTypes'
import { coverWord } from '../live/held'

/** "张桂兰", "龙岗街道（含下属）", "2 台设备：wristband-1、wristband-2" */
export function overWhat(cover: Pick<Cover, 'elder' | 'organization' | 'device_ids'>): string {
  if (cover.elder) return cover.elder.name
  if (cover.organization) return `${cover.organization.name}（含下属）`
  const ids = cover.device_ids.slice(0, 3).join('、')
  const more = cover.device_ids.length > 3 ? '等' : ''
  return `${cover.device_ids.length} 台设备：${ids}${more}`
}

/** Of a silence that holds some types alone; empty when it holds all that it may. */
export function onlyTypes(types: readonly string[], titles: ReadonlyMap<string, string>): string {
  return types.map((type) => titles.get(type) ?? typeWord(type)).join('、')
}

/** Why an alert was not raised: "静默：校准手环（陈静）". */
export function heldBy(held: HeldAlert, covers: ReadonlyMap<string, Cover>): string {
  if (held.reason === 'inhibition') return '同一原因已有更严重的告警'
  const cover = held.cover_id === null ? undefined : covers.get(held.cover_id)
  return cover ? `${coverWord(held.reason)}：${cover.reason}（${cover.made_by.name}）` : coverWord(held.reason)
}

export const heldSubject = (held: HeldAlert): string => held.elder?.name ?? `${deviceWord(null)} ${held.device_id}`
