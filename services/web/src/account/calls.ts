import { authorized } from '../signin/session'

export interface OwnSession {
  id: string
  created_at: string
  refreshed_at: string
  address: string | null
  agent: string | null
  own: boolean
}

export interface SecondFactor {
  on_since: string | null
  recovery_left: number
  /** Nothing else is open before it is on. */
  required: boolean
}

/** `account`: somebody else's, for administrators. */
const of = (account: string | null): string => (account === null ? '/me' : `/accounts/${encodeURIComponent(account)}`)

export const listSessions = async (account: string | null = null): Promise<OwnSession[]> =>
  ((await authorized(`${of(account)}/sessions`)) as { items: OwnSession[] }).items

export async function endSession(id: string, account: string | null = null): Promise<void> {
  await authorized(`${of(account)}/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

export const getSecondFactor = async (): Promise<SecondFactor> => (await authorized('/me/second-factor')) as SecondFactor

export async function beginSecondFactor(): Promise<{ secret: string; uri: string }> {
  return (await authorized('/me/second-factor', { method: 'POST' })) as { secret: string; uri: string }
}

/** The recovery codes, which are told once. */
export async function confirmSecondFactor(code: string): Promise<string[]> {
  const told = (await authorized('/me/second-factor/confirm', { method: 'POST', json: { code } })) as { recovery_codes: string[] }
  return told.recovery_codes
}

export async function endSecondFactor(code: string): Promise<void> {
  await authorized('/me/second-factor/off', { method: 'POST', json: { code } })
}

export async function resetSecondFactor(account: string): Promise<void> {
  await authorized(`${of(account)}/second-factor`, { method: 'DELETE' })
}

/** `subject`: what the provider calls them for ever. Whoever was signed in is signed out. */
export async function bindProvider(account: string, subject: string): Promise<void> {
  await authorized(`${of(account)}/oidc`, { method: 'PUT', json: { subject } })
}

export async function unbindProvider(account: string): Promise<void> {
  await authorized(`${of(account)}/oidc`, { method: 'DELETE' })
}
