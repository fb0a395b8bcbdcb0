import type { Command, DeviceCommand, Dose, Medication } from './calls'

export const COMMAND_WORDS: Readonly<Record<Command, string>> = { ring: '响铃', locate: '定位', measure: '测量', configure: '设置', remind: '提醒' }

const STATES: Readonly<Record<DeviceCommand['state'], string>> = {
  asked: '等待发送',
  sent: '已发送，等设备回答',
  done: '已完成',
  unsupported: '设备不支持',
  failed: '没有成功',
  unanswered: '设备没有回答',
}

const DOSES: Readonly<Record<Dose['state'], string>> = {
  due: '未到时间',
  reminded: '已提醒',
  missed: '未服，已通知家属',
  told: '未服，已通知站点',
  taken: '已服',
  ended: '未服',
}

/** What came of a command, with what the device said where that may be shown. */
export function commandSaid(one: DeviceCommand): string {
  const { result } = one
  const said = [`${STATES[one.state]}${one.late ? '（超时后才回答）' : ''}`]
  if (one.state === 'failed' && typeof result?.status === 'string') said.push(result.status)
  const place = result?.location as { lat?: number; lon?: number } | undefined
  if (typeof place?.lat === 'number' && typeof place.lon === 'number') said.push(`位置 ${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`)
  return said.join('，')
}

export const doseSaid = (dose: Dose): string =>
  dose.state === 'taken' && dose.taken_by !== null && dose.taken_by !== 'device' ? `已服（${dose.taken_by}确认）` : DOSES[dose.state]

export const itemsSaid = (dose: Dose): string => dose.items.map(({ medicine, dose: much }) => `${medicine} ${much}`).join('，')

const DAYS = ['一', '二', '三', '四', '五', '六', '日'] as const
export function planSaid(plan: Medication): string {
  const days = plan.weekdays.length === 7 ? '每天' : `周${plan.weekdays.map((day) => DAYS[day - 1]).join('、')}`
  return `${days} ${plan.times.map((time) => time.slice(0, 5)).join('、')}${plan.ends_on ? `，到 ${plan.ends_on}` : ''}`
}
