import { authorized } from '../signin/session'
import { onePage } from './pages'
import type { Account, Assessment, Change, Consents, DeviceModel, ElderRecord, FilledForm, FormDomain, IdentityChange, ImportKind, ImportMode, ImportResult, KeptDevice, NewConsent, Several, SeveralDone, WantedModel, WantedOrganization } from './setupTypes'
import type { Organization, Page } from './types'

const PAGE = 50
/** A file of ten thousand people takes some seconds; a busy server some more. */
const FILE_MS = 300_000

const part = encodeURIComponent
const asked = (filters: Record<string, string>): URLSearchParams =>
  new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ''))

export const listElders = (filters: Record<string, string>, cursor: string | null): Promise<Page<ElderRecord>> =>
  onePage('/elders', asked(filters), cursor, PAGE)

export const getRecord = async (id: string): Promise<ElderRecord> => (await authorized(`/elders/${part(id)}`)) as ElderRecord

/** Of the fields those that are to be otherwise. */
export async function saveElder(id: string | null, fields: Record<string, unknown>): Promise<ElderRecord> {
  const path = id === null ? '/elders' : `/elders/${part(id)}`
  return (await authorized(path, { method: id === null ? 'POST' : 'PATCH', json: fields })) as ElderRecord
}

export async function showIdentity(id: string, reason: string): Promise<string> {
  const told = (await authorized(`/elders/${part(id)}/identity`, { method: 'POST', json: { reason } })) as { identity: string }
  return told.identity
}

const consents = (elderId: string): string => `/elders/${part(elderId)}/consents`

export const listConsents = async (elderId: string): Promise<Consents> => (await authorized(consents(elderId))) as Consents

/** In the place of one of the same purpose. */
export const giveConsent = async (elderId: string, said: NewConsent): Promise<Consents> =>
  (await authorized(consents(elderId), { method: 'POST', json: said })) as Consents

export const withdrawConsent = async (elderId: string, id: string): Promise<Consents> =>
  (await authorized(`${consents(elderId)}/${part(id)}/withdraw`, { method: 'POST' })) as Consents

export const listCategories = async (): Promise<string[]> =>
  ((await authorized('/care-categories')) as { items: string[] }).items

export const listDevices = (filters: Record<string, string>, cursor: string | null): Promise<Page<KeptDevice>> =>
  onePage('/devices', asked(filters), cursor, PAGE)

export interface NewDevice {
  device_id: string
  kind: string
  model: string | null
  organization_id: string | null
  elder_id: string | null
  source: string | null
  hardware_id: string | null
}
export async function enrolDevice(device: NewDevice): Promise<string> {
  return ((await authorized('/devices', { method: 'POST', json: device })) as { secret: string }).secret
}

export async function bindDevice(id: string, elderId: string | null): Promise<void> {
  await authorized(`/devices/${part(id)}/binding`, { method: 'PUT', json: { elder_id: elderId } })
}

/** The new secret, which is told once; null of a revocation. */
export async function changeDevice(id: string, how: 'rotate' | 'revoke' | 'restore'): Promise<string | null> {
  const told = (await authorized(`/devices/${part(id)}/${how}`, { method: 'POST' })) as { secret: string } | undefined
  return told?.secret ?? null
}

export const getAbilityForm = async (): Promise<FormDomain[]> => ((await authorized('/ability-form')) as { items: FormDomain[] }).items

const assessments = (elder: string): string => `/elders/${part(elder)}/assessments`

export const listAssessments = async (elder: string): Promise<Assessment[]> =>
  ((await authorized(assessments(elder))) as { items: Assessment[] }).items

export async function saveAssessment(elder: string, form: FilledForm & { assessed_on: string; assessor: string | null }): Promise<void> {
  await authorized(assessments(elder), { method: 'POST', json: form })
}

interface Models {
  items: DeviceModel[]
}
export const listModels = async (): Promise<DeviceModel[]> => ((await authorized('/device-models')) as Models).items

export const saveModel = async (model: string, wanted: WantedModel): Promise<DeviceModel[]> =>
  ((await authorized(`/device-models/${part(model)}`, { method: 'PUT', json: wanted })) as Models).items

export const removeModel = async (model: string): Promise<DeviceModel[]> =>
  ((await authorized(`/device-models/${part(model)}`, { method: 'DELETE' })) as Models).items

/** Who gave or took a device's secret, newest first. */
export const listIdentity = (id: string, cursor: string | null): Promise<Page<IdentityChange>> =>
  onePage(`/devices/${part(id)}/identity`, new URLSearchParams(), cursor, PAGE)

export async function saveOrganization(id: string | null, fields: Partial<WantedOrganization>): Promise<Organization> {
  const path = id === null ? '/organizations' : `/organizations/${part(id)}`
  return (await authorized(path, { method: id === null ? 'POST' : 'PATCH', json: fields })) as Organization
}

export const listAccounts = (filters: Record<string, string>, cursor: string | null): Promise<Page<Account>> =>
  onePage('/accounts', asked(filters), cursor, PAGE)

export async function makeAccount(account: Record<string, unknown>): Promise<string> {
  return ((await authorized('/accounts', { method: 'POST', json: account })) as { password: string }).password
}

export async function changeAccount(id: string, fields: Record<string, unknown>): Promise<Account> {
  return (await authorized(`/accounts/${part(id)}`, { method: 'PATCH', json: fields })) as Account
}

export async function newPassword(id: string): Promise<string> {
  return ((await authorized(`/accounts/${part(id)}/password`, { method: 'POST' })) as { password: string }).password
}

/** Five hundred elders with all that is checked of each take some seconds. */
export async function changeSeveral(kind: Several, wanted: Record<string, unknown>): Promise<SeveralDone> {
  return (await authorized(`/${kind}/bulk`, { method: 'POST', json: wanted, timeoutMs: FILE_MS })) as SeveralDone
}

export const listChanges = (subject: string, id: string, cursor: string | null): Promise<Page<Change>> =>
  onePage('/changes', new URLSearchParams({ subject, subject_id: id }), cursor, PAGE)

export async function importFile(kind: ImportKind, file: Blob, mode: ImportMode): Promise<ImportResult> {
  const call = { method: 'POST' as const, file, timeoutMs: FILE_MS }
  return (await authorized(`/imports/${kind}?mode=${mode}`, call)) as ImportResult
}

export async function getTemplate(kind: ImportKind, form: 'csv' | 'xlsx'): Promise<Blob> {
  return (await authorized(`/imports/${kind}/template?form=${form}`, { raw: true })) as Blob
}
