/** Shapes of `/family` and `/me/channels`, as far as this page reads them. */
import type { AlertState, Position, Severity } from '../api/types'

export type Purpose = 'family_alerts' | 'family_location' | 'family_vitals'

export interface FamilyDevice {
  device_id: string
  kind: string
  online: boolean | null
  last_seen_at: string | null
  battery: number | null
}

export interface FamilyAlert {
  id: string
  type: string
  title: string
  severity: Severity
  state: AlertState
  open: boolean
  drill: boolean
  attention: boolean
  raised_at: string
  occurrences: number
  station: string
  station_phone: string | null
  holder: string | null
  on_the_way: { responder: string; eta_minutes: number | null; since: string } | null
  safe: { by: string; at: string; note: string | null }[]
  told: { stage: string; at: string } | null
  location: Position | null
  place: string | null
  steps: { at: string; kind: string }[]
}

export interface FamilyElder {
  id: string
  name: string
  consents: Purpose[]
  phone: string | null
  last_seen_at: string | null
  devices: FamilyDevice[]
  alerts: FamilyAlert[]
}

export interface Family {
  at: string
  elders: FamilyElder[]
}

export interface Vital {
  field: string
  value: number
  at: string
}

export type ChannelKind = 'web_push' | 'apprise' | 'webhook' | 'gateway'
/** Of the deployment's own: a number or an address is enough. */
export type Gateway = 'sms' | 'voice' | 'mail'

export interface Channel {
  id: string
  kind: ChannelKind
  label: string
  position: number
  least: Severity
  service: string
  worked_at: string | null
  failed_at: string | null
  failure: string | null
  gone_at: string | null
  test: { asked_at: string; outcome: string | null; ended: string | null } | null
}

export interface QuietHours {
  begins: string
  ends: string
}

export interface Channels {
  items: Channel[]
  quiet: QuietHours | null
  web_push_key: string
  /** Absent in answers of older servers. */
  gateways?: Gateway[]
}

/** Somebody saw where the elder is, how they are, or a number. */
export interface FamilyLook {
  at: string
  what: string
  who: string
  organization: string | null
  reason: string | null
}
