/** A cover as somebody asks for it in the form, and as the server takes it. */
import type { NewCover } from '../api/coverTypes'
import type { CoverKind, Named } from '../api/types'
import { instantOf, stamped } from '../time/beijing'

export type Target = 'elder' | 'devices' | 'organization'
export const TARGET_WORD: Readonly<Record<Target, string>> = { elder: '老人', devices: '设备', organization: '机构' }

/** As `alerts/domain/holding.py` has it; the server decides. */
export const KINDS: readonly { kind: CoverKind; word: string; when: string; holds: string; over: readonly Target[] }[] = [
  { kind: 'silence', word: '静默', when: '情况已知，有人照看', holds: '规则的橙、黄、蓝色告警，设备的黄、蓝色告警', over: ['elder', 'devices', 'organization'] },
  { kind: 'maintenance', word: '维护', when: '检修设备或网络', holds: '规则和设备的黄、蓝色告警', over: ['devices', 'organization'] },
  { kind: 'hospital', word: '住院', when: '老人在医院，有医护照看', holds: '规则的橙、黄、蓝色告警，设备的蓝色告警', over: ['elder'] },
  { kind: 'holiday', word: '外出', when: '老人不在家', holds: '规则的黄、蓝色告警，设备的蓝色告警', over: ['elder'] },
]
export const targetsOf = (kind: CoverKind): readonly Target[] => KINDS.find((each) => each.kind === kind)?.over ?? []

/** Said wherever somebody makes a cover. */
export const NEVER = '呼救、跌倒和红色告警不受影响，烟雾、燃气、漏水也一样，照常响铃。'

const HOUR_MS = 3600_000
export interface Lasting {
  hours: number
  word: string
}
const SHIFT: readonly Lasting[] = [
  { hours: 1, word: '1 小时' },
  { hours: 4, word: '4 小时' },
  { hours: 8, word: '8 小时' },
]
const LONGER: readonly Lasting[] = [
  { hours: 24, word: '1 天' },
  { hours: 168, word: '7 天' },
  { hours: 720, word: '30 天' },
]
/** An operator's lasts a shift at most, an administrator's 30 days. */
export const lastings = (role: string): readonly Lasting[] => (role === 'administrator' ? [...SHIFT, ...LONGER] : SHIFT)

export interface Wanted {
  kind: CoverKind
  target: Target
  elder: Named | null
  devices: string[]
  organizationId: string
  types: string[]
  reason: string
  /** As typed; empty is now. */
  starts: string
  /** Hours, or null for the end as typed. */
  hours: number | null
  ends: string
}

export const nothingWanted = (): Wanted => ({
  kind: 'silence',
  target: 'elder',
  elder: null,
  devices: [],
  organizationId: '',
  types: [],
  reason: '',
  starts: '',
  hours: 1,
  ends: '',
})

/** The server counts from when it hears of it, so that what may last a shift has to end a moment before. */
const UNDERWAY_MS = 5_000

/** What to send, or a sentence that says what is missing. */
export function coverOf(wanted: Wanted, now: number): NewCover | string {
  const { kind, target } = wanted
  if (target === 'elder' && !wanted.elder) return '请选择老人'
  if (target === 'devices' && wanted.devices.length === 0) return '请选择设备'
  if (target === 'organization' && wanted.organizationId === '') return '请选择机构'
  if (wanted.reason.trim() === '') return '请填写原因'
  const starts = wanted.starts === '' ? now - UNDERWAY_MS : instantOf(wanted.starts)
  if (Number.isNaN(starts)) return '开始时间不完整'
  const ends = wanted.hours === null ? instantOf(wanted.ends) : starts + wanted.hours * HOUR_MS
  if (Number.isNaN(ends)) return '请选择结束时间'
  return {
    kind,
    ...(target === 'elder' && wanted.elder ? { elder_id: wanted.elder.id } : {}),
    ...(target === 'devices' ? { device_ids: wanted.devices } : {}),
    ...(target === 'organization' ? { organization_id: wanted.organizationId } : {}),
    ...(kind === 'silence' && wanted.types.length > 0 ? { types: wanted.types } : {}),
    reason: wanted.reason.trim(),
    ...(wanted.starts === '' ? {} : { starts_at: stamped(starts) }),
    ends_at: stamped(ends),
  }
}
