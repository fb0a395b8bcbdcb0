import { authorized } from '../signin/session'
import { everyPage, onePage } from './pages'
import type { Definition, Flaw, Rule, RuleDetail, RuleEpisode, Trial } from './ruleTypes'
import type { Page } from './types'

const one = (id: string): string => `/rules/${encodeURIComponent(id)}`
const trial = (id: string): string => `/rules/trials/${encodeURIComponent(id)}`

export const listRules = (): Promise<Rule[]> => everyPage<Rule>('/rules')

export async function getRule(id: string): Promise<RuleDetail> {
  return (await authorized(one(id))) as RuleDetail
}

/** The newest first. Each elder whose values are shown is a look that the server records. */
export const listEpisodes = (id: string, cursor: string | null): Promise<Page<RuleEpisode>> =>
  onePage<RuleEpisode>(`${one(id)}/episodes`, new URLSearchParams(), cursor, 20)

/** What is wrong with a definition; empty when it may be stored. */
export async function checkRule(rule: Definition): Promise<Flaw[]> {
  return ((await authorized('/rules/check', { method: 'POST', json: { rule } })) as { flaws: Flaw[] }).flaws
}

export async function makeRule(rule: Definition, reason: string): Promise<RuleDetail> {
  return (await authorized('/rules', { method: 'POST', json: { rule, reason } })) as RuleDetail
}

/** Refused with 409 when the newest version is not `version`. */
export async function changeRule(id: string, rule: Definition, version: number, reason: string): Promise<RuleDetail> {
  return (await authorized(one(id), { method: 'PUT', json: { rule, version, reason } })) as RuleDetail
}

export async function startTrial(rule: Definition, from: string, to: string): Promise<Trial> {
  return (await authorized('/rules/trials', { method: 'POST', json: { rule, from, to } })) as Trial
}

export async function getTrial(id: string): Promise<Trial> {
  return (await authorized(trial(id))) as Trial
}

export async function stopTrial(id: string): Promise<void> {
  await authorized(trial(id), { method: 'DELETE' })
}
