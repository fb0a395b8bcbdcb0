/** Shapes of rules on readings, of what they found and of their trials. */
import type { Named, Severity } from './types'

export type Mode = 'live' | 'shadow' | 'off'

/** For whom; all that is given must fit. What else stands in one is kept. */
export interface Scope {
  elder_id?: string | null
  organization_id?: string | null
  ability_levels?: string[] | null
  care_categories?: string[] | null
  [other: string]: unknown
}

export interface SeverityWhen {
  scope: Scope
  severity: Severity
  [other: string]: unknown
}

/** Its parts depend on `kind`; docs/rules.md has them. */
export interface Condition {
  kind: string
  [part: string]: unknown
}

/** A rule as data. What this app does not know stands in one too, and is kept. */
export interface Definition {
  id?: string
  version?: number
  key: string
  title: string
  severity: Severity
  condition: Condition
  scope?: Scope | null
  lasting_seconds?: number | null
  clear_after_seconds?: number | null
  gap_seconds?: number | null
  severity_when?: SeverityWhen[] | null
  mode?: Mode | null
  source?: string | null
  [other: string]: unknown
}

export interface RuleVersion {
  version: number
  definition: Definition
  changed_at: string
  /** Null when it came with Anhu. */
  changed_by: Named | null
  reason: string
}

export interface Rule extends RuleVersion {
  id: string
  key: string
  title: string
  severity: Severity
  mode: Mode
  elder?: Named | null
  organization?: Named | null
}

export interface RuleDetail extends Rule {
  versions: RuleVersion[]
}

/** `where` is a path in the definition; `what` the server's Chinese sentence. */
export interface Flaw {
  where: string
  what: string
}

export interface RuleEpisode {
  id: string
  version: number
  mode: Mode
  severity: Severity
  elder: Named
  device_id: string
  began_at: string
  raised_at: string
  cleared_at: string | null
  ended: 'clear' | 'answered' | 'refuted' | null
  alert_id: string | null
  held: 'covered' | 'past' | 'silenced' | null
  sentence: string | null
  withheld: boolean
}

/** What a definition would have raised in the window of a trial. */
export interface TrialSum {
  alerts: number
  elders: number
  per_day: number
  by_severity: Partial<Record<Severity, number>>
  by_organization: { id: string; name: string; alerts: number }[]
}

export interface TrialIncident {
  alert_id: string
  type: string
  at: string
  elder: Named
  tried: boolean
  in_force: boolean
}

export interface TrialEpisode {
  elder: Named
  began_at: string
  raised_at: string
  ended_at: string | null
  severity: Severity
  sentence: string
  also_in_force: boolean
}

export interface TrialResult {
  elders: number
  readings: number
  seconds: number
  tried: TrialSum
  in_force: TrialSum
  incidents: { known: number; caught: number; missed: number; caught_in_force: number; items: TrialIncident[] }
  episodes: TrialEpisode[]
  /** Episodes beyond those in the list. */
  more: number
}

export interface Trial {
  id: string
  state: 'waiting' | 'running' | 'done' | 'failed' | 'stopped'
  progress: number
  rule: Definition
  from: string
  to: string
  asked_by: Named | null
  asked_at: string
  error: string | null
  result: TrialResult | null
}
