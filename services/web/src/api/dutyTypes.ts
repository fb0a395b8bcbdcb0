/** Shapes of rosters, policies and rehearsals, as far as this screen reads them. */
import type { Named, Severity } from './types'

export type DayKind = 'workday' | 'rest' | 'holiday'
export type Turn = 'together' | 'daily' | 'weekly'
export type Stage = 'unanswered' | 'asked_again' | 'undispatched' | 'unarrived' | 'unclosed'
export type Who = 'operators' | 'duty' | 'named' | 'responders' | 'caregivers' | 'tier_above'
export type ChangeKind = 'absence' | 'swap' | 'extra'

export interface Span {
  begins_at: string
  ends_at: string
}

export interface Shift {
  id: string
  name: string
  begins: string
  ends: string
  people: Named[]
  turn: Turn
  days: DayKind[]
  weekdays: number[]
  first_day: string
  last_day: string | null
}

export interface DutyChange extends Span {
  id: string
  kind: ChangeKind
  account: Named
  other: Named | null
  note: string | null
  imported: boolean
  made_by: string
}

export interface Stint extends Span {
  people: Named[]
}

export interface DutyDay {
  day: string
  kind: DayKind
  name: string | null
  known: boolean
  said: boolean
}

export interface Duty extends Span {
  organization: Named
  has_roster: boolean
  now: Named[]
  shifts: Shift[]
  changes: DutyChange[]
  stints: Stint[]
  gaps: Span[]
  days: DutyDay[]
}

export interface Account extends Named {
  username: string
  role: string
}

export interface NewShift {
  name: string
  begins: string
  ends: string
  people: string[]
  turn: Turn
  days: DayKind[]
  first_day: string
}

export interface NewChange extends Span {
  kind: ChangeKind
  account_id: string
  other_id?: string
  note?: string
}

export interface Step {
  after_seconds: number
  who: Who[]
  people?: string[]
  attention?: boolean
  every_seconds?: number
  times?: number
}

export type Plan = { severities: Severity[]; days: DayKind[]; begins: string; ends: string } & Partial<Record<Stage, Step[]>>

export interface Policy {
  name: string
  watch: 'expected' | 'always' | 'never'
  plans: Plan[]
  presence_check?: { every_seconds: number; answer_within_seconds: number; begins: string; ends: string }
}

export interface PolicyVersion {
  version: number
  definition: Policy | null
  changed_at: string
  changed_by: Named | null
  reason: string
}

export interface Escalation {
  organization: Named
  /** The one above; absent in answers of older servers. */
  above?: Named | null
  holds_from: Named | null
  definition: Policy
  built_in: Policy
  own_version: number
  versions: PolicyVersion[]
  people: Named[]
}

export interface RehearsedCall {
  after_seconds: number
  at: string
  stage: Stage
  who: Who[]
  organization: Named | null
  people: (Named & { why: string })[]
  attention: boolean
  nobody_on_duty: boolean
}

export interface Rehearsal {
  at: string
  day: DayKind
  day_name: string | null
  day_known: boolean
  holds_from: Named | null
  policy_name: string
  on_duty: Named[]
  has_roster: boolean
  calls: RehearsedCall[]
}

/** Who is on shift at one organisation now, as far as the station's screen says it. */
export interface OnDuty {
  organization: Named
  has_roster: boolean
  people: readonly Named[]
  /** When that changes, within a week. */
  until: string | null
  next_gap: Span | null
}
