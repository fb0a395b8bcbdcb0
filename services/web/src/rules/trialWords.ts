/** What a trial came to, for somebody who has to decide. */
import type { TrialResult, TrialSum } from '../api/ruleTypes'

/** "3.4 条"; to a tenth, and under ten only. */
export const perDay = (sum: TrialSum): string =>
  `${sum.per_day >= 10 ? String(Math.round(sum.per_day)) : String(Math.round(sum.per_day * 10) / 10)} 条`

/** "每天 3.4 条，现行规则 5 条，少 32%；漏掉 1 起已知事件（现行规则漏掉 0 起）" */
export function verdict(result: TrialResult): string {
  const { tried, in_force: inForce, incidents } = result
  const compared =
    inForce.alerts === 0
      ? tried.alerts === 0
        ? '现行规则也没有'
        : '现行规则没有'
      : `现行规则 ${perDay(inForce)}，${change(tried.alerts, inForce.alerts)}`
  const missed =
    incidents.missed > 0 ? `；漏掉 ${incidents.missed} 起已知事件（现行规则漏掉 ${incidents.known - incidents.caught_in_force} 起）` : ''
  return `每天 ${perDay(tried)}，${compared}${missed}`
}

function change(now: number, before: number): string {
  if (now === before) return '一样多'
  const percent = Math.max(1, Math.round((Math.abs(now - before) / before) * 100))
  return `${now > before ? '多' : '少'} ${percent}%`
}

export interface OfOrganization {
  id: string
  name: string
  tried: number
  inForce: number
}

/** Those with the most first. */
export function byOrganization({ tried, in_force: inForce }: TrialResult): OfOrganization[] {
  const found = new Map<string, OfOrganization>()
  const row = (id: string, name: string): OfOrganization => {
    const known = found.get(id) ?? { id, name, tried: 0, inForce: 0 }
    found.set(id, known)
    return known
  }
  for (const { id, name, alerts } of tried.by_organization) row(id, name).tried += alerts
  for (const { id, name, alerts } of inForce.by_organization) row(id, name).inForce += alerts
  return [...found.values()].sort((a, b) => b.tried - a.tried || b.inForce - a.inForce)
}
