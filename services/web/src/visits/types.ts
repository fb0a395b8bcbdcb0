/** Shapes of `/visits`, as far as these pages read them. */
import type { Named } from '../api/types'

export type Every = 'week' | 'month' | 'quarter'
export type Result = 'met' | 'telephone' | 'not_met'

export interface DueVisit {
  elder: Named
  organization_id: string
  phone: string | null
  address: string | null
  living_situation: string | null
  plan: string
  every: Every
  due_on: string
  visited_on: string | null
  overdue: boolean
  visitor: Named | null
}

export interface Visit {
  id: string
  elder: Named
  visitor: Named
  visited_at: string
  result: Result
  findings: string | null
  concerns: string[]
  metres: number | null
  photos: number[]
}

export interface Visitor {
  id: string
  name: string
  kind: string
  elders: number
  username: string | null
}

export interface PeriodRate {
  first: string
  last: string
  expected: number
  visited: number
  by_telephone_alone: number
  rate: number | null
}

export interface PlanRates {
  plan: string
  name: string
  every: Every
  elders: number
  overdue: number
  nobodys: number
  periods: PeriodRate[]
}

export interface Coverage {
  plans: PlanRates[]
  organizations: { id: string; name: string; plan: string; every: Every; expected: number; visited: number; overdue: number; rate: number | null }[]
}

export interface VisitPlan {
  key: string
  name: string
  organization_id: string | null
  groups: string[]
  every: Every
  raises: boolean
  source: string
  changed_at: string
  changed_by: string | null
}

export interface NewVisit {
  id: string
  elder_id: string
  result: Result
  findings: string | null
  concerns: string[]
  position: { lat: number; lon: number; accuracy: number } | null
  /** When the form was opened at the door, if it is sent later. */
  visited_at: string
}
