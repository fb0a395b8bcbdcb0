/** The sheet that 120 is given, and its words. */
import { timelineWord } from '../alerts/wording'
import type { Contact, Severity, TimelineEntry } from '../api/types'

export interface Sheet {
  alert_id: string
  title: string
  type: string
  severity: Severity
  drill: boolean
  occurrences: number
  occurred_at: string
  made_at: string
  sentence: string | null
  device_kind: string | null
  address: string | null
  position: { lat: number; lon: number; accuracy?: number | null } | null
  position_from: 'device' | 'home' | null
  entry_notes: string | null
  elder: {
    name: string
    gender: 'female' | 'male' | null
    age: number | null
    phone: string | null
    ability_level: string | null
    living_situation: string | null
    care_categories: string[]
    conditions: string[]
    medicines: string[]
    allergies: string[]
    health_notes: string | null
  } | null
  contacts: Contact[]
  vitals: { field: string; value: number; at: string }[]
  responder: string | null
  responder_phone: string | null
  station: string
  station_phone: string | null
  timeline: { at: string; kind: string; by: string | null; note: string | null; body: Record<string, unknown> | null }[]
}

const VITAL: Readonly<Record<string, readonly [string, string, number]>> = {
  heart_rate: ['心率', '次/分', 0],
  spo2: ['血氧', '%', 0],
  systolic: ['收缩压', 'mmHg', 0],
  diastolic: ['舒张压', 'mmHg', 0],
  respiratory_rate: ['呼吸', '次/分', 0],
  body_temperature: ['体温', '℃', 1],
}

export function vitalWords(vital: Sheet['vitals'][number]): string {
  const [word, unit, digits] = VITAL[vital.field] ?? [vital.field, '', 1]
  return `${word} ${vital.value.toFixed(digits)} ${unit}`.trim()
}

/** Lines of a screen that nobody outside asks for. */
const LEFT_OUT: ReadonlySet<string> = new Set(['seen', 'second_opinion', 'fluctuated', 'progress', 'went_on', 'refuted', 'declined'])
/** A sheet is one page: the first line, and the last ones. */
const MOST = 8

/** What was done so far, the first before the others. */
export function done(sheet: Sheet): { at: string; words: string }[] {
  const lines = sheet.timeline
    .filter((entry) => !LEFT_OUT.has(entry.kind))
    .map((entry) => ({ at: entry.at, words: lineWords(entry) }))
  return lines.length <= MOST ? lines : [...lines.slice(0, 1), ...lines.slice(1 - MOST)]
}

function lineWords(entry: Sheet['timeline'][number]): string {
  const { responder, eta_minutes: eta } = (entry.body ?? {}) as NonNullable<TimelineEntry['body']>
  const parts = [timelineWord(entry.kind), entry.by]
  if (typeof responder === 'string' && responder !== entry.by) parts.push(responder)
  if (typeof eta === 'number') parts.push(`预计 ${eta} 分钟到`)
  parts.push(entry.note)
  return parts.filter((part) => part).join('，')
}
