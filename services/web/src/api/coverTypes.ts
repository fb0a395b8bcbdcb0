/** Shapes of covers (silence, maintenance, hospital stay, holiday) and of what they hold back. */
import type { CoverKind, HeldNow, Named, Severity } from './types'

export interface Cover {
  id: string
  kind: CoverKind
  state: 'planned' | 'on' | 'over'
  elder: Named | null
  device_ids: string[]
  organization: Named | null
  types: string[]
  reason: string
  made_by: Named
  made_at: string
  starts_at: string
  ends_at: string
  ended_at: string | null
  ended_by: Named | null
  alerts: number
  times: number
}

export interface NewCover {
  kind: CoverKind
  elder_id?: string
  device_ids?: string[]
  organization_id?: string
  types?: string[]
  reason: string
  starts_at?: string
  ends_at: string
}

export interface HeldAlert {
  id: string
  reason: CoverKind | 'inhibition'
  cover_id: string | null
  type: string
  severity: Severity
  title: string
  elder: Named | null
  device_id: string
  organization_id: string
  times: number
  first_at: string
  last_at: string
  /** Raised after all. */
  alert_id: string | null
}

export interface HeldPage {
  now: HeldNow
  items: HeldAlert[]
  next: string | null
}

export interface Device {
  device_id: string
  kind: string
  elder_id: string | null
  organization_id: string | null
}
