import { accessToken, authorized } from '../signin/session'
import { refusal, unreachable } from './failure'
import { onePage } from './pages'
import type { ButtonTests, Drill, DrillDetail, NewDrill, PressLedger, ResponseReport, Statistics } from './proofTypes'

/** Of years of drills, as many as anybody looks through. */
const SHOWN = 100

export async function listDrills(): Promise<Drill[]> {
  return (await onePage<Drill>('/drills', new URLSearchParams(), null, SHOWN)).items
}

export async function readDrill(id: string): Promise<DrillDetail> {
  return (await authorized(`/drills/${encodeURIComponent(id)}`)) as DrillDetail
}

export async function makeDrill(drill: NewDrill): Promise<DrillDetail> {
  return (await authorized('/drills', { method: 'POST', json: drill })) as DrillDetail
}

export async function callOffDrill(id: string): Promise<DrillDetail> {
  return (await authorized(`/drills/${encodeURIComponent(id)}/call_off`, { method: 'POST' })) as DrillDetail
}

export async function listButtonTests(cursor: string | null): Promise<ButtonTests> {
  return (await onePage('/button-tests', new URLSearchParams(), cursor, 50)) as unknown as ButtonTests
}

export interface Period {
  organizationId: string
  from: string
  to: string
}

const asked = ({ organizationId, from, to }: Period): URLSearchParams =>
  new URLSearchParams({ ...(organizationId === '' ? {} : { organization_id: organizationId }), from, to })

export async function readReport(period: Period): Promise<ResponseReport> {
  return (await authorized(`/reports/response?${asked(period)}`)) as ResponseReport
}

export async function readLedger(period: Period): Promise<PressLedger> {
  return (await authorized(`/reports/ledger?${asked(period)}`)) as PressLedger
}

const withTier = (period: Period, tier: string): URLSearchParams => {
  const query = asked(period)
  if (tier !== '') query.set('tier', tier)
  return query
}

export async function readStatistics(period: Period, tier: string): Promise<Statistics> {
  return (await authorized(`/reports/statistics?${withTier(period, tier)}`, { timeoutMs: 60_000 })) as Statistics
}

export const saveReport = (period: Period, format: 'csv' | 'xlsx'): Promise<void> =>
  saveFile('/reports/response', asked(period), `响应报告_${period.from}_${period.to}`, format)

export const saveStatistics = (period: Period, tier: string, format: 'csv' | 'xlsx'): Promise<void> =>
  saveFile('/reports/statistics', withTier(period, tier), `统计_${period.from}_${period.to}`, format)

/** Saves a report as a file: a link alone would come without the token. */
async function saveFile(path: string, query: URLSearchParams, name: string, format: 'csv' | 'xlsx'): Promise<void> {
  query.set('format', format)
  let answer: Response
  try {
    answer = await fetch(`/api/v1${path}?${query}`, {
      headers: { Authorization: `Bearer ${await accessToken()}` },
      cache: 'no-store',
    })
  } catch {
    throw unreachable()
  }
  if (!answer.ok) throw refusal(answer.status, await answer.json().catch(() => undefined), null)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await answer.blob())
  link.download = `${name}.${format}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
