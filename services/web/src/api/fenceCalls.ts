import { authorized } from '../signin/session'
import type { Named } from './types'

export interface Point {
  lat: number
  lon: number
}
export type Shape = { kind: 'circle'; centre: Point; radius: number } | { kind: 'polygon'; points: Point[] }
export interface FenceDefinition {
  name: string
  keep: 'keep_in' | 'keep_out'
  shape: Shape
  hours?: { weekdays: number[]; from: string; to: string }[]
}
export interface FenceVersion {
  version: number
  /** null: taken away, or withheld */
  definition: FenceDefinition | null
  changed_at: string
  changed_by: Named
  reason: string
}
export interface Fence extends FenceVersion {
  id: string
  name: string
  keep: 'keep_in' | 'keep_out'
}
export interface FenceDetail extends Fence {
  versions: FenceVersion[]
  withheld: boolean
}
export type Datum = 'wgs84' | 'gcj02'
export interface FenceSent {
  fence: unknown
  datum: Datum
  reason: string
}

const at = (elder: string, fence = ''): string => `/elders/${encodeURIComponent(elder)}/fences${fence && `/${encodeURIComponent(fence)}`}`

export async function listFences(elder: string): Promise<{ items: Fence[]; withheld: boolean }> {
  return (await authorized(at(elder))) as { items: Fence[]; withheld: boolean }
}
export async function getFence(elder: string, fence: string): Promise<FenceDetail> {
  return (await authorized(at(elder, fence))) as FenceDetail
}
export async function saveFence(elder: string, before: Fence | null, sent: FenceSent): Promise<FenceDetail> {
  const to = before === null ? at(elder) : at(elder, before.id)
  const method = before === null ? 'POST' : 'PUT'
  const json = before === null ? sent : { ...sent, version: before.version }
  return (await authorized(to, { method, json })) as FenceDetail
}
export async function takeAwayFence(elder: string, fence: Fence, reason: string): Promise<void> {
  const query = new URLSearchParams({ version: String(fence.version), reason })
  await authorized(`${at(elder, fence.id)}?${query}`, { method: 'DELETE' })
}
