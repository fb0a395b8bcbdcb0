/** Shapes of drills, tests that are due, response reports and the press ledger. */
import type { AlertState, Named, Outcome, Severity } from './types'

export type DrillState = 'planned' | 'running' | 'ended' | 'called_off'

export interface Drill {
  id: string
  name: string
  note: string | null
  organization: Named | null
  state: DrillState
  starts_at: string
  ends_at: string
  made_by: Named
  over_at: string | null
  over_why: 'complete' | 'time_up' | 'call_off' | null
  over_by: Named | null
  expected: number
  pressed: number
  unresolved: number
}

export interface DrillPress {
  device_id: string
  kind: string | null
  elder: Named | null
  pressed_at: string | null
  alert_id: string | null
  state: AlertState | null
  outcome: Outcome | null
  answer_seconds: number | null
  other_presses: number
}

export interface DrillReport {
  expected: number
  pressed: number
  seen: number
  answered: number
  closed: number
  answered_in_10: number
  answered_in_60: number
  answered_in_180: number
  answer_median_seconds: number | null
  answer_slowest_seconds: number | null
  not_pressed: string[]
  not_answered: string[]
  other_presses: number
}

export interface DrillDetail extends Drill {
  report: DrillReport
  presses: DrillPress[]
}

export interface NewDrill {
  name: string
  organization_id?: string
  device_ids?: string[]
  starts_at?: string
  ends_at: string
  note?: string
}

export interface ButtonTest {
  device_id: string
  kind: string
  organization: Named
  elder: Named | null
  phone: string | null
  address: string | null
  tested_at: string | null
  due_at: string
  overdue: boolean
}

export interface ButtonTests {
  lasting_days: number
  due: number
  all: number
  items: ButtonTest[]
  next: string | null
}

export type BySeverity = Record<Severity, number>

export interface Measure {
  key: string
  name: string
  judged: number
  met: number
  share: number | null
  target: number
  reached: boolean | null
  source: string
}

export interface Spread {
  count: number
  median: number | null
  p90: number | null
}

export interface ReportSection {
  alerts: number
  rescues: number
  by_severity: BySeverity
  cancelled: number
  escalated: number
  unanswered: number
  closed_without_dispatch: number
  measures: Measure[]
  times: Record<'answer' | 'dispatch' | 'arrival', Spread>
}

export interface ShortFigures {
  alerts: number
  rescues: number
  by_severity: BySeverity
  unanswered: number
  shares: Record<string, number | null>
  answer_median: number | null
}

export interface TypeFigures {
  type: string
  title: string
  alerts: number
  false_alarm: number
  accidental: number
  test: number
  cancelled: number
  open: number
  false: number
  false_share: number | null
}

export interface ResponseReport {
  organization: Named
  from: string
  to: string
  made_at: string
  real: ReportSection
  drills: ReportSection
  days: (ShortFigures & { day: string })[]
  types: TypeFigures[]
  organizations: (ShortFigures & { id: string; name: string })[]
}

export interface PressLedger {
  unaccounted: number
  stages: Record<'pressed' | 'stored' | 'waiting' | 'raised' | 'seen' | 'answered' | 'cancelled' | 'open' | 'repeats' | 'drills', number>
  counted_devices: number
  missing: number
  gaps: { device_id: string; first: number; last: number; after: string; before: string; explained: number }[]
  resets: { device_id: string; at: string; last: number; first: number }[]
  not_raised: { event: number; device_id: string; type: string; received_at: string; error: string | null }[]
}

/** Counts of an organisation; `docs/reports.md` says of what. */
export interface StatisticsFigures {
  elders: number
  equipped: number
  categories: Record<string, number>
  living: Record<string, number>
  levels: Record<string, number>
  devices: number
  online: number
  online_share: number | null
  kinds: Record<string, { devices: number; online: number }>
  wear_rate: number | null
  visits: { met: number; telephone: number; not_met: number }
  visited: number
  planned: number
  overdue: number
  requests: number
  requests_done: number
}

export interface Statistics {
  organization: { id: string; name: string }
  made_at: string
  total: StatisticsFigures
  response: ResponseReport['real']
  organizations: (StatisticsFigures & { id: string; name: string; tier: string; response: { alerts: number; rescues: number; unanswered: number; shares: Record<string, number | null> } })[]
}
