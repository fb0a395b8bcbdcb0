import { authorized } from '../signin/session'
import type { Alert, AlertDetail, Elder, Me, Move, Organization, Page } from './types'

export async function getMe(): Promise<Me> {
  return (await authorized('/me')) as Me
}

/** Every organisation the caller reaches: its own and all below. */
export async function listOrganizations(): Promise<Organization[]> {
  const all: Organization[] = []
  let cursor: string | null = null
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = (await authorized(`/organizations?limit=200${query}`)) as Page<Organization>
    all.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return all
}

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

/** The same move by the same person with the same body changes nothing the second time: safe to repeat. */
export async function postMove(alertId: string, move: Move, body: Record<string, unknown>): Promise<Alert> {
  return (await authorized(`/alerts/${encodeURIComponent(alertId)}/${move}`, { method: 'POST', json: body })) as Alert
}

export async function postSignOut(): Promise<void> {
  await authorized('/sign-out', { method: 'POST' })
}
