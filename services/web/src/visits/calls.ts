import { onePage } from '../api/pages'
import type { Page } from '../api/types'
import { authorized } from '../signin/session'
import type { Coverage, DueVisit, NewVisit, Visit, Visitor, VisitPlan } from './types'

const part = encodeURIComponent
const asked = (filters: Record<string, string>): URLSearchParams =>
  new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ''))

export const listDue = (filters: Record<string, string>, cursor: string | null): Promise<Page<DueVisit>> =>
  onePage('/visits/due', asked(filters), cursor, 50)

export const listVisits = (filters: Record<string, string>, cursor: string | null): Promise<Page<Visit>> =>
  onePage('/visits', asked(filters), cursor, 20)

export const getCoverage = async (organization: string): Promise<Coverage> =>
  (await authorized(`/visits/rates?${asked({ organization_id: organization })}`)) as Coverage

export const listPlans = async (organization: string): Promise<VisitPlan[]> =>
  ((await authorized(`/visits/plans?${asked({ organization_id: organization })}`)) as { items: VisitPlan[] }).items

export async function setPlan(key: string, plan: Record<string, unknown>): Promise<void> {
  await authorized(`/visits/plans/${part(key)}`, { method: 'PUT', json: plan })
}

export const listVisitors = async (): Promise<Visitor[]> => ((await authorized('/visits/visitors')) as { items: Visitor[] }).items

export async function assign(elders: string[], account: string | null): Promise<void> {
  await authorized('/visits/assignments', { method: 'PUT', json: { elder_ids: elders, account_id: account } })
}

export async function openSignIn(account: string): Promise<{ username: string; password: string }> {
  return (await authorized(`/visits/visitors/${part(account)}/password`, { method: 'POST' })) as { username: string; password: string }
}

/** The same again is kept once. */
export async function recordVisit(visit: NewVisit): Promise<Visit> {
  return (await authorized('/visits', { method: 'POST', json: visit })) as Visit
}

export async function sendPhoto(visit: string, position: number, photo: Blob): Promise<void> {
  await authorized(`/visits/${part(visit)}/photos/${position}`, { method: 'PUT', file: photo, timeoutMs: 60_000 })
}

export const getPhoto = async (visit: string, position: number): Promise<Blob> =>
  (await authorized(`/visits/${part(visit)}/photos/${position}`, { raw: true })) as Blob
