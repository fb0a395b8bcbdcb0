import { authorized } from '../signin/session'
import { everyPage } from './pages'
import type { Alert, AlertDetail, Elder, HeldNow, Me, Move, Organization, Page } from './types'

export async function getMe(): Promise<Me> {
  return (await authorized('/me')) as Me
}

/** Every organisation the caller reaches: its own and all below. */
export const listOrganizations = (): Promise<Organization[]> => everyPage<Organization>('/organizations')

export async function getAlert(id: string): Promise<AlertDetail> {
  return (await authorized(`/alerts/${encodeURIComponent(id)}`)) as AlertDetail
}

/** What was on the screens of an organisation, newest raise first. */
export async function listResolved(organizationId: string, since: Date, limit: number): Promise<Alert[]> {
  const query = new URLSearchParams({ organization_id: organizationId, since: since.toISOString(), limit: String(limit) })
  for (const state of ['resolved', 'followed_up']) query.append('state', state)
  return ((await authorized(`/alerts?${query}`)) as Page<Alert>).items
}

export async function getElder(id: string): Promise<Elder> {
  return (await authorized(`/elders/${encodeURIComponent(id)}`)) as Elder
}

/** What covers hold back now of the alerts that would be on an organisation's screens. */
export async function getHeldNow(organizationId: string): Promise<HeldNow> {
  const query = new URLSearchParams({ organization_id: organizationId, limit: '1' })
  return ((await authorized(`/held?${query}`)) as { now: HeldNow }).now
}

/** The same move by the same person with the same body changes nothing the second time: safe to repeat. */
export async function postMove(alertId: string, move: Move, body: Record<string, unknown>): Promise<Alert> {
  return (await authorized(`/alerts/${encodeURIComponent(alertId)}/${move}`, { method: 'POST', json: body })) as Alert
}

export async function postSignOut(): Promise<void> {
  await authorized('/sign-out', { method: 'POST' })
}
