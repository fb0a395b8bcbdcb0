/** Consents in words. */
import type { Consent, Consents, Purpose } from '../api/setupTypes'
import { beijingMoment } from '../time/format'

export const PURPOSES: Readonly<Record<Purpose, { word: string; shows: string }>> = {
  family_alerts: { word: '告警和设备状态', shows: '家属端能看到老人的告警、处置进展和设备状态，并收到通知。没有这一项，家属什么也看不到。' },
  family_location: { word: '位置和住址', shows: '只在告警没有处置完毕时，家属能看到位置和住址。' },
  family_vitals: { word: '体征测量值', shows: '家属能看到心率、血氧、体温等测量值和健康备注。' },
}
export const PURPOSE_ORDER = Object.keys(PURPOSES) as Purpose[]

const TEXT: Readonly<Record<Purpose, string>> = {
  family_alerts: '同意家属在家属端查看我的告警、处置进展和设备状态，并在我求助时收到通知。我可以随时要求服务站撤回。',
  family_location: '同意家属在我的告警没有处置完毕时，查看我的位置和住址。我可以随时要求服务站撤回。',
  family_vitals: '同意家属查看我的设备测得的心率、血氧、体温等数值和健康备注。我可以随时要求服务站撤回。',
}
/** What most stations have people sign; to be made what the paper says. */
export const suggested = (purpose: Purpose, name: string): string => `本人${name}${TEXT[purpose]}`

/** Each purpose with what is in force of it. */
export function consentRows(items: readonly Consent[]): { purpose: Purpose; now: Consent | null }[] {
  return PURPOSE_ORDER.map((purpose) => ({
    purpose,
    now: items.find((one) => one.purpose === purpose && one.withdrawn_at === null) ?? null,
  }))
}

/** "11月30日 12:00:00 由本人同意，陈静 登记" */
export function givenWords(one: Consent, now: number): string {
  return `${beijingMoment(one.given_at, now)} ${one.given_by ? `由${one.given_by}同意` : '（没有记下由谁同意）'}，${one.recorded_by} 登记`
}

/** Whom it concerns: family that sees nothing yet calls the station and asks why. */
export function whoSees({ items, family }: Consents): string {
  if (family.length === 0) return '还没有绑定家属账号：同意先登记在这里，绑定后生效。'
  const names = family.map((one) => one.name).join('、')
  const given = items.some((one) => one.purpose === 'family_alerts' && one.withdrawn_at === null)
  return given ? `家属账号：${names}。` : `家属账号：${names}，现在什么也看不到。`
}
