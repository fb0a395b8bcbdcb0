import type { Named } from '../api/types'
import { authorized } from '../signin/session'

/** Other systems that are told of changes: their calls, and their words. */

export interface Webhook {
  id: string
  organization: Named
  label: string
  url: string
  subjects: string[]
  made_at: string
  made_by: string
  paused_at: string | null
  paused_why: 'asked' | 'failing' | 'gone' | null
  delivered_at: string | null
  failing_since: string | null
  failures: number
  failure: string | null
  next_at: string | null
}

export interface WebhookDelivery {
  at: string
  event: string
  subject: string
  action: string
  outcome: string
  detail: string
  milliseconds: number
}

export interface NewWebhook {
  organization_id: string
  label: string
  url: string
  subjects: string[]
}

export const SUBJECTS: readonly { subject: string; word: string }[] = [
  { subject: 'alert', word: '告警' },
  { subject: 'elder', word: '老人' },
  { subject: 'device', word: '设备' },
  { subject: 'organization', word: '机构' },
  { subject: 'account', word: '人员' },
  { subject: 'visit', word: '巡访' },
  { subject: 'service_request', word: '服务请求' },
  { subject: 'medication', word: '用药提醒' },
  { subject: 'responder', word: '响应者' },
  { subject: 'duty', word: '值班' },
  { subject: 'escalation', word: '升级预案' },
  { subject: 'rule', word: '规则' },
]
export const subjectWord = (subject: string): string =>
  subject === 'webhook' ? '试发' : (SUBJECTS.find((each) => each.subject === subject)?.word ?? subject)

const PAUSED: Readonly<Record<string, string>> = { asked: '已暂停', failing: '对方一天没有收下，已暂停', gone: '对方说地址已停用，已暂停' }

/** How it is with one, and how bad that is. */
export function stateOf(webhook: Webhook): { word: string; bad: boolean } {
  if (webhook.paused_why !== null) return { word: PAUSED[webhook.paused_why] ?? '已暂停', bad: webhook.paused_why !== 'asked' }
  if (webhook.failures > 0) return { word: `连续 ${webhook.failures} 次没有发成，正在重试`, bad: true }
  return { word: '正常', bad: false }
}

const OUTCOME: Readonly<Record<string, string>> = { accepted: '已收下', failed: '没有发成', busy: '对方忙', refused: '对方拒绝', gone: '地址已停用' }
export const outcomeWord = (outcome: string): string => OUTCOME[outcome] ?? outcome

const DETAIL: readonly (readonly [RegExp, string])[] = [
  [/^no connection/, '连不上'],
  [/^no answer/, '没有回答'],
  [/public one$/, '地址不是公网地址'],
  [/^its address is none/, '地址格式不对'],
  [/^its secret cannot be opened/, '签名密钥打不开，请联系技术人员'],
]
/** Why something was not taken: `HTTP 500` is what the other side said. */
export const detailWord = (detail: string): string => DETAIL.find(([told]) => told.test(detail))?.[1] ?? detail

const one = (id: string): string => `/webhooks/${encodeURIComponent(id)}`

export const listWebhooks = async (): Promise<Webhook[]> => ((await authorized('/webhooks')) as { items: Webhook[] }).items

/** With its secret, which is told once. */
export const makeWebhook = async (said: NewWebhook): Promise<Webhook & { secret: string }> =>
  (await authorized('/webhooks', { method: 'POST', json: said })) as Webhook & { secret: string }

export const newSecret = async (id: string): Promise<string> =>
  ((await authorized(`${one(id)}/secret`, { method: 'POST' })) as { secret: string }).secret

export async function changeWebhook(id: string, said: Record<string, unknown>): Promise<void> {
  await authorized(one(id), { method: 'PATCH', json: said })
}

export async function removeWebhook(id: string): Promise<void> {
  await authorized(one(id), { method: 'DELETE' })
}

export async function tryWebhook(id: string): Promise<void> {
  await authorized(`${one(id)}/test`, { method: 'POST' })
}

export const lastDeliveries = async (id: string): Promise<WebhookDelivery[]> =>
  ((await authorized(one(id))) as { deliveries: WebhookDelivery[] }).deliveries
