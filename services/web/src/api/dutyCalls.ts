import { authorized } from '../signin/session'
import type { Account, Duty, Escalation, NewChange, NewShift, OnDuty, Rehearsal } from './dutyTypes'
import type { Flaw } from './ruleTypes'
import type { Severity } from './types'

const of = (organizationId: string, path: string): string => `/organizations/${encodeURIComponent(organizationId)}/${path}`

/** Of an organisation that nobody watches and that has no roster: null. */
export async function getOnDuty(id: string): Promise<OnDuty | null> {
  const { items } = (await authorized(`/duty/now?${new URLSearchParams({ organization_id: id })}`)) as { items: OnDuty[] }
  return items.find((one) => one.organization.id === id) ?? null
}

export const getDuty = async (id: string): Promise<Duty> => (await authorized(of(id, 'duty'))) as Duty

export async function listPeople(id: string): Promise<Account[]> {
  return ((await authorized(of(id, 'duty/people'))) as { items: Account[] }).items
}

export const makeShift = async (id: string, shift: NewShift): Promise<Duty> =>
  (await authorized(of(id, 'duty/shifts'), { method: 'POST', json: shift })) as Duty

export const endShift = async (id: string, shiftId: string): Promise<Duty> =>
  (await authorized(of(id, `duty/shifts/${encodeURIComponent(shiftId)}/end`), { method: 'POST' })) as Duty

export const makeChange = async (id: string, change: NewChange): Promise<Duty> =>
  (await authorized(of(id, 'duty/changes'), { method: 'POST', json: change })) as Duty

export const endChange = async (id: string, changeId: string): Promise<Duty> =>
  (await authorized(of(id, `duty/changes/${encodeURIComponent(changeId)}/end`), { method: 'POST' })) as Duty

/** The roster of the next 31 days as iCalendar. */
export const getCalendar = async (id: string): Promise<Blob> => (await authorized(of(id, 'duty/calendar.ics'), { raw: true })) as Blob

export interface ImportedCalendar {
  added: number
  kept: number
  ended: number
  skipped: { uid: string; summary: string; why: string }[]
}

export const importCalendar = async (id: string, file: Blob): Promise<ImportedCalendar> =>
  (await authorized(of(id, 'duty/calendar.ics'), { method: 'POST', file })) as ImportedCalendar

export const getEscalation = async (id: string): Promise<Escalation> => (await authorized(of(id, 'escalation'))) as Escalation

/** What is wrong with a policy, part by part, before anybody stores it. */
export const checkPolicy = async (policy: Record<string, unknown>): Promise<Flaw[]> =>
  ((await authorized('/escalation/check', { method: 'POST', json: { policy } })) as { flaws: Flaw[] }).flaws

/** `policy` null withdraws the organisation's own. */
export const changePolicy = async (id: string, version: number, policy: Record<string, unknown> | null, reason: string): Promise<Escalation> =>
  (await authorized(of(id, 'escalation'), { method: 'PUT', json: { policy, version, reason } })) as Escalation

export async function rehearse(id: string, at: string, severity: Severity): Promise<Rehearsal> {
  const asked = new URLSearchParams({ at, severity })
  return (await authorized(of(id, `escalation/rehearsal?${asked}`))) as Rehearsal
}
