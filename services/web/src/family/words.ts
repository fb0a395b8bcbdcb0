/** The words of the caregiver's page: plain, for somebody who is frightened. */
import { beijingMoment } from '../time/format'
import type { Channel, FamilyAlert, FamilyElder, Gateway, Purpose } from './types'

/** After so long without a word from any device it is said. */
const QUIET_MS = 24 * 3600_000

export type Tone = 'danger' | 'warning' | 'calm'

/** How the elder is, as far as is known, in one sentence. */
export function stateOf(elder: FamilyElder, now: number): { words: string; tone: Tone } {
  const open = elder.alerts.filter((alert) => alert.open)
  const real = open.filter((alert) => !alert.drill)
  if (real.some((alert) => alert.severity === 'red')) return { words: '紧急救援正在处理', tone: 'danger' }
  if (real.length > 0) return { words: `有 ${real.length} 条告警正在处理`, tone: 'warning' }
  if (open.length > 0) return { words: '正在演练，不是真实告警', tone: 'calm' }
  if (elder.devices.length === 0) return { words: '还没有登记设备', tone: 'warning' }
  const seen = elder.last_seen_at === null ? null : Date.parse(elder.last_seen_at)
  if (seen === null) return { words: '设备还没有上报过', tone: 'warning' }
  if (now - seen > QUIET_MS) return { words: '设备超过一天没有消息', tone: 'warning' }
  return { words: '没有告警', tone: 'calm' }
}

/** What is being done now. */
export function progressOf(alert: FamilyAlert, now: number): string {
  switch (alert.state) {
    case 'triggered':
      if (alert.type === 'medication.missed') return '请先联系老人服药；过一刻钟还没有服，社区站会处理'
      return `${alert.station}已收到，等待值班员接警`
    case 'acknowledged':
      return `${alert.holder ?? '值班员'}已接警，正在处理`
    case 'dispatched': {
      const way = alert.on_the_way
      if (!way) return '已派人前往'
      const eta = way.eta_minutes === null ? '' : `，预计 ${way.eta_minutes} 分钟到`
      return `${way.responder}正在路上${eta}（${beijingMoment(way.since, now)} 出发）`
    }
    case 'arrived':
      return '救援人员已到老人身边'
    case 'resolved':
      return '已处置完毕'
    case 'followed_up':
      return '已处置并回访'
    case 'cancelled':
      return '本人已取消'
  }
}

const TOLD: Readonly<Record<string, string>> = {
  stored: '已收到',
  raised: '已收到',
  seen: '值班员已看到',
  acknowledged: '已接警',
  dispatched: '正在路上',
  arrived: '已到达',
  resolved: '已处置',
  cancelled: '已取消',
}
export const toldWord = (stage: string): string => TOLD[stage] ?? stage

const STEP: Readonly<Record<string, string>> = {
  raised: '告警产生',
  folded: '老人再次呼叫',
  worsened: '升为紧急救援',
  escalated: '已报上级',
  seen: '值班员已看到',
  acknowledged: '已接警',
  dispatched: '已派人',
  arrived: '已到场',
  resolved: '已处置',
  cancelled: '本人取消',
  family_safe: '家属确认安全',
}
export const stepWord = (kind: string): string => STEP[kind] ?? kind

const PURPOSE: Readonly<Record<Purpose, string>> = {
  family_alerts: '告警',
  family_location: '求助时的位置',
  family_vitals: '体征',
}
export const purposeWord = (purpose: Purpose): string => PURPOSE[purpose]

const VITAL: Readonly<Record<string, readonly [string, string]>> = {
  heart_rate: ['心率', '次/分'],
  spo2: ['血氧', '%'],
  body_temperature: ['体温', '℃'],
  respiratory_rate: ['呼吸', '次/分'],
  systolic: ['收缩压', 'mmHg'],
  diastolic: ['舒张压', 'mmHg'],
  steps: ['步数', '步'],
}
export const vitalWords = (field: string): readonly [string, string] => VITAL[field] ?? [field, '']

const KIND = { web_push: '手机通知', apprise: '群机器人、短信、电话或邮件', webhook: '签名回调', gateway: '短信、电话或邮件' } as const
export const GATEWAY: Readonly<Record<Gateway, { word: string; asks: string; placeholder: string; label: string }>> = {
  sms: { word: '短信', asks: '手机号', placeholder: '139 0000 0000', label: '短信' },
  voice: { word: '电话语音', asks: '电话号码', placeholder: '139 0000 0000', label: '电话' },
  mail: { word: '邮件', asks: '邮箱', placeholder: 'name@example.com', label: '邮件' },
}
export const kindWord = (kind: Channel['kind']): string => KIND[kind]

/** What is known of a channel, in a few words. */
export function channelState(channel: Channel, now: number): { words: string; tone: Tone } {
  if (channel.gone_at) return { words: '已失效，请重新添加', tone: 'danger' }
  const test = channel.test
  if (test && !test.outcome && !test.ended) return { words: '测试消息正在发送…', tone: 'calm' }
  if (test?.ended === 'unreached' || channel.failed_at) {
    return { words: `最近一次没有送达${channel.failure ? `（${channel.failure}）` : ''}`, tone: 'warning' }
  }
  if (channel.worked_at) return { words: `最近送达：${beijingMoment(channel.worked_at, now)}`, tone: 'calm' }
  return { words: '还没有用过，请发一条测试', tone: 'calm' }
}
