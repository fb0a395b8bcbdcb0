import type { Elder, Named, Organization } from './types'

/** Shapes by which places, people and devices are kept. */

export interface ElderRecord extends Elder {
  bed: string | null
  long_term_care_grade: number | null
  doctor_name: string | null
  doctor_phone: string | null
  has_identity: boolean
  conditions: string[] | null
  medicines: string[] | null
  allergies: string[] | null
  /** Telephone numbers are; `showPhones` asks for them. */
  masked: boolean
  /** What is withheld is open to oneself, until then. */
  opened_until: string | null
  erased_at: string | null
}

export interface KeptDevice {
  id: string
  device_id: string
  kind: string
  model: string | null
  organization_id: string
  elder_id: string | null
  elder_name: string | null
  enrolled_at: string
  revoked_at: string | null
  online: boolean | null
  last_seen_at: string | null
  battery: number | null
  rssi: number | null
  conditions: string[]
}

/** A line of a device's log of secrets; none of them is in it. */
export interface IdentityChange {
  id: number
  at: string
  what: string
  actor: string
  account_id: string | null
  address: string | null
}

export interface Account {
  id: string
  username: string
  name: string
  role: string
  organization_ids: string[]
  elder_ids: string[]
  disabled_at: string | null
  last_seen_at: string | null
  /** Who of the provider of signing in they are. */
  oidc_subject: string | null
}

export interface Change {
  id: number
  at: string
  subject: string
  subject_id: string
  what: string
  actor: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}

export type Purpose = 'family_alerts' | 'family_location' | 'family_vitals'

/** What an elder agreed to; `withdrawn_at` null: in force. */
export interface Consent {
  id: string
  purpose: Purpose
  text: string
  given_at: string
  given_by: string | null
  recorded_by: string
  withdrawn_at: string | null
  withdrawn_by: string | null
}

/** `family`: the caregivers who would see it. */
export interface Consents {
  items: Consent[]
  family: Named[]
}

export interface NewConsent {
  purpose: Purpose
  text: string
  given_by: string
  given_on?: string
}

/** The scoring form of GB/T 42195-2022, filled. */
export interface FilledForm {
  points: Record<string, number>
  coma: boolean
  mental_disorder: boolean
  risk_events: number
}
export interface Assessment {
  assessed_on: string
  level: string
  score: number | null
  assessor: string | null
  form: FilledForm | null
}
export interface FormDomain {
  name: string
  items: { name: string; most: number }[]
}

/** What is known of a model of devices. */
export interface DeviceModel {
  model: string
  maker: string | null
  kind: string
  decoder: string | null
  measures: string[]
  says: string[]
  every_seconds: number | null
  settings: Record<string, string | number | boolean>
  note: string | null
  devices: number
}
export type WantedModel = Omit<DeviceModel, 'model' | 'devices'>

export type Several = 'elders' | 'devices' | 'accounts'
export interface DeviceSecret {
  device_id: string
  secret: string
}
export interface SeveralDone {
  done: number
  secrets?: DeviceSecret[]
}

export type ImportKind = 'organizations' | 'elders' | 'contacts' | 'devices' | 'accounts' | 'responders'
export type ImportMode = 'check' | 'all' | 'skip'

export interface ImportFlaw {
  line: number
  column: string
  value: string
  message: string
  mend: string
}

export interface ImportResult {
  kind: ImportKind
  rows: number
  new: number
  changed: number
  unchanged: number
  wrong: number
  flaws: ImportFlaw[]
  ignored_columns: string[]
  applied: boolean
  secrets: { name: string; secret: string }[]
}

export type WantedOrganization = Pick<Organization, 'name' | 'tier' | 'parent_id' | 'division_code' | 'address' | 'phone'>
