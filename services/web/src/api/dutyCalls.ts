import { authorized } from '../signin/session'
import type { Account, Duty, Escalation, NewChange, NewShift, Policy, Rehearsal } from './dutyTypes'
import type { Severity } from './types'

const of = (organizationId: string, path: string): string => `/organizations/${encodeURIComponent(organizationId)}/${path}`

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

export const getEscalation = async (id: string): Promise<Escalation> => (await authorized(of(id, 'escalation'))) as Escalation

/** `policy` null withdraws the organisation's own. */
export const changePolicy = async (id: string, version: number, policy: Policy | null, reason: string): Promise<Escalation> =>
  (await authorized(of(id, 'escalation'), { method: 'PUT', json: { policy, version, reason } })) as Escalation

export async function rehearse(id: string, at: string, severity: Severity): Promise<Rehearsal> {
  const asked = new URLSearchParams({ at, severity })
  return (await authorized(of(id, `escalation/rehearsal?${asked}`))) as Rehearsal
}
