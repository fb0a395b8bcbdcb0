import { onePage } from '../api/pages'
import type { Page } from '../api/types'
import { authorized } from '../signin/session'

export interface Look {
  id: number
  at: string
  what: string
  who: string
  role: string
  elder_id: string | null
  elder_name: string | null
  address: string | null
}

export interface Opening {
  id: string
  elder_id: string
  elder_name: string
  who: string
  reason: string
  opened_at: string
  ends_at: string
}

export interface Trails {
  items: { trail: string; sealed_to: number; seals: number; unsealed: number; sealed_at: string | null }[]
  head: string
  kept: { name: string; words: string; days: number | null }[]
}

export interface Phones {
  phone: string | null
  doctor_phone: string | null
  contacts: { name: string; relation: string | null; phone: string }[]
}

const PAGE = 50

export const getTrails = async (): Promise<Trails> => (await authorized('/trails')) as Trails

export const listLooks = (cursor: string | null): Promise<Page<Look>> => onePage('/trails/looks', new URLSearchParams(), cursor, PAGE)

export const listOpenings = (cursor: string | null): Promise<Page<Opening>> =>
  onePage('/trails/openings', new URLSearchParams(), cursor, PAGE)

/** That they were asked for is kept. */
export async function showPhones(elderId: string): Promise<Phones> {
  return (await authorized(`/elders/${encodeURIComponent(elderId)}/phones`, { method: 'POST' })) as Phones
}

export async function openWithheld(elderId: string, reason: string): Promise<Opening> {
  return (await authorized(`/elders/${encodeURIComponent(elderId)}/opening`, { method: 'POST', json: { reason } })) as Opening
}

export async function closeWithheld(elderId: string): Promise<void> {
  await authorized(`/elders/${encodeURIComponent(elderId)}/opening`, { method: 'DELETE' })
}

/** 个人信息副本: all that is kept of an elder, as a page or as JSON. */
export async function personalData(elderId: string, form: 'html' | 'json'): Promise<Blob> {
  const call = { raw: true as const, timeoutMs: 60_000 }
  return (await authorized(`/elders/${encodeURIComponent(elderId)}/personal-data?form=${form}`, call)) as Blob
}

/** Nothing brings it back. `name` as the record has it. */
export async function erasePerson(elderId: string, name: string, reason: string): Promise<void> {
  const call = { method: 'POST' as const, json: { name, reason }, timeoutMs: 60_000 }
  await authorized(`/elders/${encodeURIComponent(elderId)}/personal-data/erase`, call)
}
