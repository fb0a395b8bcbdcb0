import { authorized } from '../signin/session'
import type { Alert } from './types'

/** Asks the nearest who can go; the same wish again within seconds asks nobody more. */
export async function postAsk(alertId: string): Promise<Alert> {
  return (await authorized(`/alerts/${encodeURIComponent(alertId)}/ask`, { method: 'POST', json: {} })) as Alert
}

/** The path of a new link to the alert's hand-over sheet. */
export async function makeHandoverLink(alertId: string): Promise<string> {
  const made = await authorized(`/alerts/${encodeURIComponent(alertId)}/handover/links`, { method: 'POST', json: {} })
  return (made as { path: string }).path
}
