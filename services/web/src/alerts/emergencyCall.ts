import type { Alert, Elder } from '../api/types'

const HAPPENED: Readonly<Record<string, string>> = {
  sos: '本人按了紧急呼救',
  fall: '报警器报跌倒',
  smoke: '家中烟雾报警',
  gas: '家中燃气泄漏报警',
  water_leak: '家中漏水报警',
}

/** Whom the sentence is read to: fire and gas are 119's, a burst pipe is nobody's emergency number. */
const CALLED: Readonly<Record<string, string>> = { smoke: '报 119', gas: '报 119', water_leak: '转告物业' }

/** How a place begins that is not the elder's home. */
const AWAY = '不在家，'

export function calledWith(alert: Alert): string {
  return CALLED[alert.type] ?? '报 120'
}

/**
 * What is read to 120 in one breath: address, name, sex, age, what happened, telephone. Without the card (not
 * loaded, or nobody registered) it says what the alert itself knows.
 */
export function callSentence(alert: Alert, elder: Elder | null): string {
  // Of somebody who is away the alert says where they are now; the card's address is an empty home's.
  const address = alert.place?.startsWith(AWAY) ? alert.place : (elder?.address ?? alert.place)
  const where = address ?? (alert.location ? `坐标北纬 ${alert.location.lat.toFixed(5)} 东经 ${alert.location.lon.toFixed(5)}` : '地址不详')
  const name = elder?.name ?? alert.elder?.name ?? '一位老人'
  const sex = elder?.gender === 'female' ? '女' : elder?.gender === 'male' ? '男' : null
  const age = typeof elder?.age === 'number' ? `${elder.age} 岁` : null
  const pressed = (HAPPENED[alert.type] ?? alert.title) + (alert.occurrences > 1 ? ` ${alert.occurrences} 次` : '')
  const happened = alert.rule?.sentence ?? pressed
  const phone = elder?.phone ?? elder?.contacts?.[0]?.phone
  const who = [name, sex, age].filter((part) => part !== null).join('，')
  return `${alert.drill ? '（演练）' : ''}${where}，${who}，${happened}${phone ? `，电话 ${spoken(phone)}` : ''}。`
}

/** Digits in groups that can be read aloud: 138 0000 1234, 023 4372 1100. */
export function spoken(phone: string): string {
  const digits = phone.replace(/[\s-]/g, '')
  if (/^1\d{10}$/.test(digits)) return `${digits.slice(0, 3)} ${digits.slice(3, 7)} ${digits.slice(7)}`
  if (/^0\d{10}$/.test(digits)) return `${digits.slice(0, 3)} ${digits.slice(3, 7)} ${digits.slice(7)}`
  return phone
}

/** For a `tel:` link. */
export function dialled(phone: string): string {
  return `tel:${phone.replace(/[^\d+*#,]/g, '')}`
}
