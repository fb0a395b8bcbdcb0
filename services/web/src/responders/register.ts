/** The register of responders: shapes, calls, and what a form has of one. */
import { kindWord } from '../alerts/nearby'
import { everyPage } from '../api/pages'
import { authorized } from '../signin/session'

export interface Shift {
  weekdays: number[]
  from: string
  to: string
}

export interface Responder {
  id: string
  name: string
  organization_id: string
  kind: string
  phone: string
  skills: string[]
  hours: Shift[]
  position: { lat: number; lon: number } | null
  busy: boolean
  version: number
}

export const KINDS = [
  'grid_worker',
  'village_doctor',
  'volunteer',
  'neighbour',
  'social_worker',
  'party_member',
  'young_elder',
  'station_staff',
  'other',
] as const

export const listResponders = (): Promise<Responder[]> => everyPage<Responder>('/responders')

export async function saveResponder(id: string | null, body: Record<string, unknown>): Promise<Responder> {
  const [path, method] = id === null ? ['/responders', 'POST' as const] : [`/responders/${encodeURIComponent(id)}`, 'PUT' as const]
  return (await authorized(path, { method, json: body })) as Responder
}

export async function endResponder(id: string): Promise<void> {
  await authorized(`/responders/${encodeURIComponent(id)}/end`, { method: 'POST' })
}

/** The whole number; that it was asked for is kept. */
export async function showPhone(id: string): Promise<string> {
  return ((await authorized(`/responders/${encodeURIComponent(id)}/phone`, { method: 'POST' })) as { phone: string }).phone
}

/** As it stands in the form. Hours that one line cannot say are kept as they were. */
export interface Draft {
  name: string
  organizationId: string
  kind: string
  phone: string
  skills: string
  always: boolean
  from: string
  to: string
  kept: Shift[] | null
  position: string
  datum: 'gcj02' | 'wgs84'
}

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
const everyDay = (shift: Shift): boolean => EVERY_DAY.every((day) => shift.weekdays.includes(day))

/** Of a degree to a tenth of a metre. */
const round = (degrees: number): number => Number(degrees.toFixed(6))

export function draftOf(one: Responder | null): Draft {
  const [shift] = one?.hours ?? []
  const plain = one === null || one.hours.length === 0 || (one.hours.length === 1 && shift !== undefined && everyDay(shift))
  return {
    name: one?.name ?? '',
    organizationId: one?.organization_id ?? '',
    kind: one?.kind ?? 'grid_worker',
    phone: one?.phone ?? '',
    skills: one?.skills.join('、') ?? '',
    always: (one?.hours ?? []).length === 0,
    from: shift?.from ?? '08:00',
    to: shift?.to ?? '20:00',
    kept: plain ? null : (one?.hours ?? null),
    position: one?.position ? `${round(one.position.lat)}, ${round(one.position.lon)}` : '',
    datum: one?.position ? 'wgs84' : 'gcj02',
  }
}

/** What is sent, or why nothing can be yet. */
export function bodyOf(draft: Draft, version: number | null): Record<string, unknown> | string {
  if (!draft.name.trim()) return '请填写姓名'
  if (!draft.organizationId) return '请选择机构'
  if (!draft.phone.trim()) return '请填写电话'
  const position = positionOf(draft)
  if (typeof position === 'string') return position
  const hours = draft.kept ?? (draft.always ? [] : [{ weekdays: EVERY_DAY, from: draft.from, to: draft.to }])
  return {
    name: draft.name.trim(),
    organization_id: draft.organizationId,
    kind: draft.kind,
    phone: draft.phone.trim(),
    skills: draft.skills.split(/[,，、;；\s]+/).filter((skill) => skill !== ''),
    hours,
    position,
    ...(version === null ? {} : { version }),
  }
}

/** "29.708, 105.7135", as map pages give it, in either order: China's latitudes are below 60, its longitudes above. */
function positionOf(draft: Draft): { lat: number; lon: number; datum: string } | null | string {
  const words = draft.position.split(/[,，\s]+/).filter((word) => word !== '')
  if (words.length === 0) return null
  const [one = NaN, other = NaN] = words.map(Number)
  if (words.length !== 2 || Number.isNaN(one) || Number.isNaN(other)) return '位置应为两个数，如 29.708, 105.7135'
  const [lat, lon] = one > 60 && other < 60 ? [other, one] : [one, other]
  return { lat, lon, datum: draft.datum }
}

/** "每天 08:00–20:00", "全天", or how many shifts there are. */
export function hoursWord(hours: readonly Shift[]): string {
  const [shift] = hours
  if (shift === undefined) return '全天'
  if (hours.length > 1 || !everyDay(shift)) return `${hours.length} 个时段`
  return `每天 ${shift.from}–${shift.to}`
}

/** Whether a name, a telephone number, a kind or a skill has it. */
export function matches(one: Responder, sought: string): boolean {
  const word = sought.trim()
  return word === '' || [one.name, one.phone, kindWord(one.kind), ...one.skills].some((each) => each.includes(word))
}
