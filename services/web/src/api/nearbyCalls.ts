import { authorized } from '../signin/session'
import type { Alert, NearResponder } from './types'

/** Asks the nearest who can go; the same wish again within seconds asks nobody more. */
export async function postAsk(alertId: string): Promise<Alert> {
  return (await authorized(`/alerts/${encodeURIComponent(alertId)}/ask`, { method: 'POST', json: {} })) as Alert
}

/** Who could be sent: who said yes, the nearest who are able, and last who said no. */
export async function listNear(alertId: string): Promise<NearResponder[]> {
  return ((await authorized(`/alerts/${encodeURIComponent(alertId)}/responders`)) as { items: NearResponder[] }).items
}

const handoverLinks = (alertId: string): string => `/alerts/${encodeURIComponent(alertId)}/handover/links`

/** A new link to the alert's hand-over sheet. */
export async function makeHandoverLink(alertId: string): Promise<{ id: string; path: string }> {
  return (await authorized(handoverLinks(alertId), { method: 'POST', json: {} })) as { id: string; path: string }
}

export async function revokeHandoverLink(alertId: string, id: string): Promise<void> {
  await authorized(`${handoverLinks(alertId)}/${encodeURIComponent(id)}`, { method: 'DELETE' })
}
