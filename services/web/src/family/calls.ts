import type { Severity } from '../api/types'
import { authorized } from '../signin/session'
import type { Channel, ChannelKind, Channels, Family, FamilyAlert, FamilyLook, Gateway, QuietHours, Vital } from './types'

export const getFamily = async (): Promise<Family> => (await authorized('/family')) as Family

export async function getVitals(elderId: string): Promise<Vital[]> {
  return ((await authorized(`/family/elders/${encodeURIComponent(elderId)}/vitals`)) as { items: Vital[] }).items
}

export async function getLooks(elderId: string): Promise<FamilyLook[]> {
  return ((await authorized(`/family/elders/${encodeURIComponent(elderId)}/looks`)) as { items: FamilyLook[] }).items
}

/** The same again changes nothing. */
export async function saySafe(alertId: string, note: string): Promise<FamilyAlert> {
  const json = note ? { note } : {}
  return (await authorized(`/family/alerts/${encodeURIComponent(alertId)}/safe`, { method: 'POST', json })) as FamilyAlert
}

export const getChannels = async (): Promise<Channels> => (await authorized('/me/channels')) as Channels

export interface NewChannel {
  kind: Exclude<ChannelKind, 'gateway'> | Gateway
  label: string
  least: Severity
  url?: string
  /** A number or an address. */
  to?: string
  subscription?: PushSubscriptionJSON
}
export async function addChannel(json: NewChannel): Promise<Channel & { secret: string | null }> {
  return (await authorized('/me/channels', { method: 'POST', json })) as Channel & { secret: string | null }
}

export async function orderChannels(ids: string[]): Promise<Channels> {
  return (await authorized('/me/channels/order', { method: 'PUT', json: { ids } })) as Channels
}

export async function testChannel(id: string): Promise<void> {
  await authorized(`/me/channels/${encodeURIComponent(id)}/test`, { method: 'POST' })
}

export async function removeChannel(id: string): Promise<void> {
  await authorized(`/me/channels/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

export async function setQuiet(quiet: QuietHours | null): Promise<void> {
  await authorized('/me/hours', { method: 'PUT', json: { quiet } })
}
