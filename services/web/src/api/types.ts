/** Shapes of the public contract, version 1, as far as this screen reads them. */

export type Severity = 'red' | 'orange' | 'yellow' | 'blue'

export type AlertState =
  | 'triggered'
  | 'acknowledged'
  | 'dispatched'
  | 'arrived'
  | 'resolved'
  | 'followed_up'
  | 'cancelled'

export type Move = 'acknowledge' | 'dispatch' | 'arrive' | 'resolve' | 'follow_up'

export type Outcome = 'assisted' | 'hospital' | 'false_alarm' | 'accidental' | 'test' | 'drill'

export interface Named {
  id: string
  name: string
}

/** Degrees, WGS 84; accuracy in metres. */
export interface Position {
  lat: number
  lon: number
  accuracy?: number | null
}

/** Which rule on readings raised an alert, and why: withheld as `location` is. */
export interface RaisedBy {
  id: string
  version: number
  sentence: string | null
  evidence: Record<string, unknown> | null
}

/** Of a device's own state or an area's: no event and no rule raised it. */
export interface OutageDetail {
  since?: string
  restored_at: string | null
  usual_seconds?: number
  battery?: number
  area?: string
  source?: string | null
  lost?: number
  restored?: number
  /** Of a visit that is overdue, and of medicine that was not taken. */
  plan?: string
  due_on?: string
  visited_on?: string | null
  due_at?: string
  family?: boolean
  /** Of a station that nobody watches. */
  why?: 'no_screen' | 'nobody_on_duty'
  station_id?: string
}

export interface Alert {
  id: string
  type: string
  severity: Severity
  title: string
  state: AlertState
  attention: boolean
  elder: Named | null
  device_id: string
  device_kind?: string | null
  organization_id: string
  event_id: string
  occurred_at: string
  received_at: string
  raised_at: string
  late_seconds: number
  clock_suspect: boolean
  event_id_reused?: boolean
  location: Position | null
  place?: string | null
  withheld: boolean
  drill: boolean
  occurrences: number
  confidence: number | null
  /** Absent in frames of older servers. */
  rule?: RaisedBy | null
  detail?: OutageDetail | null
  version: number
  holder?: Named | null
  outcome?: Outcome | null
  seen_at?: string | null
  /** Family say that all is well, and nobody has pressed since; absent, as the next one, in frames of older servers. */
  family_safe?: boolean
  /** People whom no message reached. */
  unreached?: number
  /** What the server would accept now; absent in answers of older servers. */
  moves?: Move[]
}

export interface TimelineEntry {
  at: string
  kind: string
  by: Named | null
  origin: string | null
  note: string | null
  body: Record<string, unknown> | null
  version: number
}

export interface DeviceEvent {
  event_id: string
  type: string
  occurred_at: string
  received_at: string
  device_ts: string | null
  clock_suspect: boolean
  late_seconds: number
  event_id_reused: boolean
  battery: number | null
  location: Position | null
  detail: Record<string, unknown> | null
  cancelled: boolean
  flaws: { field?: string; reason?: string }[]
  /** The furthest stage that the device was told; absent in answers of older servers. */
  told?: { stage: string; at: string } | null
}

export interface Route {
  organization_id: string
  name: string
  reason: 'home' | 'escalated' | 'shared'
  since: string
}

/** Somebody near who was asked to go. */
export interface AskedResponder {
  id: string
  name: string
  kind: string
  skills: string[]
  phone: string | null
  metres: number | null
  asked_at: string
  state: 'asked' | 'accepted' | 'arrived' | 'done' | 'declined'
  answered_at: string | null
  note: string | null
}

/** Somebody who could be sent; `state` null: they were not asked. */
export interface NearResponder {
  id: string
  name: string
  kind: string
  skills: string[]
  phone: string
  metres: number | null
  state: AskedResponder['state'] | null
}

/** An elder of a lost area. */
export interface ToCall {
  elder: Named
  phone: string | null
  address: string | null
  contacts: Contact[]
  risk: number
  reasons: string[]
  silent_since: string
  restored: boolean
  devices: { device_id: string; kind: string; silent_since: string; restored: boolean }[]
}

export interface AlertDetail extends Alert {
  timeline: TimelineEntry[]
  events: DeviceEvent[]
  routes?: Route[]
  responders?: AskedResponder[]
  /** Of an area while it is unresolved: who is to be called first before the others. */
  call_list?: ToCall[] | null
  /** How such alerts were closed, of the elder and of the device's model; nothing follows from it. */
  false_alarms?: { whose: 'elder' | 'model'; sentence: string | null }[]
}

export interface Contact {
  name: string
  relation: string | null
  phone: string
}

export interface Elder {
  id: string
  organization_id: string
  name: string
  gender: 'female' | 'male' | null
  birth_date: string | null
  age: number | null
  phone: string | null
  address: string | null
  ability_level: string | null
  living_situation: string | null
  care_categories: string[] | null
  contacts: Contact[] | null
  position: Position | null
  conditions?: string[] | null
  medicines?: string[] | null
  allergies?: string[] | null
  health_notes: string | null
  entry_notes: string | null
  withheld: boolean
}

export type CoverKind = 'silence' | 'maintenance' | 'hospital' | 'holiday'

/** What is held back now by silences, maintenance, hospital stays and holidays. */
export interface HeldNow {
  alerts: number
  times: number
  /** The last end of these covers; null when none is on. */
  until: string | null
  covers: readonly {
    id: string
    kind: CoverKind
    reason: string
    made_by: string
    until: string
    alerts: number
    times: number
  }[]
}

export interface Organization {
  id: string
  name: string
  tier: string
  parent_id: string | null
  division_code?: string | null
  address?: string | null
  phone?: string | null
}

export interface Me {
  id: string
  username: string
  name: string
  role: string
  organizations: Organization[]
}

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface TokenAnswer {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: number
}

/** Something wrong behind the server that people must know of, told with each heartbeat until it is over. */
export interface Problem {
  code: string
  message: string
}

export type ServerFrame =
  | { type: 'welcome'; seq: number; open: Alert[]; resumed: boolean }
  | { type: 'alert'; seq: number; alert: Alert }
  | { type: 'heartbeat'; at: string; problems?: Problem[] | null }
  /** 在岗确认: somebody has to say that they are there. */
  | { type: 'presence_check'; answer_within_seconds: number }
