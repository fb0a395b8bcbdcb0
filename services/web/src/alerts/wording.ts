/** The words of this screen. 接警、派员、到场、处置完毕、回访 are the field's own. */
import type { Alert, AlertState, Move, Outcome, Severity } from '../api/types'
import { unresolved } from './ordering'
import { ofDevices } from './outage'

const SEVERITY: Readonly<Record<Severity, { level: string; word: string; colour: string }>> = {
  red: { level: '一级', word: '一级·紧急救援', colour: '红' },
  orange: { level: '二级', word: '二级·尽快核实', colour: '橙' },
  yellow: { level: '三级', word: '三级·今日处理', colour: '黄' },
  blue: { level: '四级', word: '四级·日常维护', colour: '蓝' },
}
export const SEVERITIES = Object.keys(SEVERITY) as Severity[]
export const severityLevel = (severity: Severity): string => SEVERITY[severity]?.level ?? '未分级'
export const severityWord = (severity: Severity): string => SEVERITY[severity]?.word ?? '未分级'
export const severityColour = (severity: Severity): string => SEVERITY[severity]?.colour ?? '？'

const TYPE: Readonly<Record<string, string>> = {
  sos: '呼救',
  fall: '跌倒',
  smoke: '烟雾',
  gas: '燃气',
  water_leak: '漏水',
  tamper: '拆动',
  low_battery: '低电量',
  worn_off: '未佩戴',
  worn_on: '已佩戴',
  cancel: '取消',
  test: '测试',
  service_request: '服务请求',
  door_open: '开门',
  door_closed: '关门',
  bed_out: '离床',
  bed_in: '上床',
  medication_taken: '已服药',
  'device.offline': '离线',
  'device.not_worn': '未佩戴',
  'device.low_battery': '低电量',
  'device.untested': '未测试',
  'area.outage': '片区失联',
  'station.unwatched': '无人值守',
}
export const typeWord = (type: string): string => TYPE[type] ?? (type.startsWith('rule.') ? '体征' : type)

/** Whether a rule on readings raised it, and no event. */
export const ofRule = (alert: Alert): boolean => alert.type.startsWith('rule.')

const DEVICE: Readonly<Record<string, string>> = {
  wristband: '手环',
  fall_detector: '跌倒报警器',
  emergency_button: '紧急呼叫器',
  pull_cord: '拉绳呼叫器',
  room_unit: '室内呼叫机',
  bed_sensor: '床垫',
  smoke_detector: '烟雾报警器',
  gas_detector: '燃气报警器',
  water_detector: '漏水报警器',
  door_sensor: '门磁',
}
export const deviceWord = (kind: string | null | undefined): string => (kind ? (DEVICE[kind] ?? kind) : '设备')

const STATE: Readonly<Record<AlertState, string>> = {
  triggered: '待接警',
  acknowledged: '已接警',
  dispatched: '已派员',
  arrived: '已到场',
  resolved: '已处置',
  followed_up: '已回访',
  cancelled: '本人已取消',
}
export const stateWord = (state: AlertState): string => STATE[state] ?? state

const MOVE: Readonly<Record<Move, string>> = {
  acknowledge: '接警',
  dispatch: '派员',
  arrive: '到场',
  resolve: '处置完毕',
  follow_up: '回访',
}

/** The words on the button; a move that was made before is made again. */
export function moveWord(alert: Alert, move: Move): string {
  if (move === 'acknowledge' && alert.attention) return '再次接警'
  if (move === 'dispatch' && alert.state === 'dispatched') return '加派人员'
  if (move === 'follow_up' && alert.state === 'followed_up') return '再次回访'
  return MOVE[move]
}

export const OUTCOMES: readonly { outcome: Outcome; word: string }[] = [
  { outcome: 'assisted', word: '现场已协助' },
  { outcome: 'hospital', word: '已送医' },
  { outcome: 'false_alarm', word: '误报' },
  { outcome: 'accidental', word: '误触' },
  { outcome: 'test', word: '测试' },
  { outcome: 'drill', word: '演练' },
]
export const outcomesFor = (alert: Alert): typeof OUTCOMES =>
  OUTCOMES.filter(({ outcome }) => outcome !== 'drill' || alert.drill)
export const outcomeWord = (outcome: string | null | undefined): string =>
  OUTCOMES.find((each) => each.outcome === outcome)?.word ?? outcome ?? ''

/** Who it is about: the elder, or what is known instead. */
export function subject(alert: Alert): string {
  return alert.elder?.name ?? alert.detail?.area ?? '未登记老人'
}

export function place(alert: Alert): string {
  if (alert.place) return alert.place
  if (alert.withheld) return '已处置，位置已收起'
  return `无登记地址，${alert.location ? '有定位坐标，' : ''}${deviceWord(alert.device_kind)} ${alert.device_id}`
}

const FIRST_STEP: Readonly<Record<string, string>> = {
  sos: '接警，立即呼叫本人核实',
  fall: '接警，立即呼叫本人核实',
  smoke: '接警，呼叫本人撤离，报 119',
  gas: '接警，呼叫本人开窗撤离，勿开关电器',
  water_leak: '接警，联系本人或家属关水阀',
  tamper: '接警，联系本人查看设备',
  'device.offline': '接警，工作日内联系本人查看设备',
  'device.not_worn': '接警，工作日内联系本人戴好设备',
  'device.low_battery': '接警，提醒本人充电或更换电池',
  'device.untested': '接警，请本人按一次测试',
  'area.outage': '接警，按呼叫名单逐户联系，核实停电或断网',
  'station.unwatched': '接警，电话联系该站点，确认有人值守',
  'visit.overdue': '接警，今天安排上门或打电话',
  'medication.missed': '接警，打电话确认是否服药',
}

/** What to do now, in one short line. */
export function nextStep(alert: Alert): string {
  if (alert.attention && unresolved(alert)) {
    if (alert.occurrences === 1) return '逾期没有进展：再次接警，继续处置'
    if (ofDevices(alert)) return `再次发生：${FIRST_STEP[alert.type]?.replace('接警', '再次接警') ?? '再次接警'}`
    return ofRule(alert) ? '再次超限：再次接警，联系本人核实' : '再次呼叫：再次接警，马上联系本人'
  }
  switch (alert.state) {
    case 'triggered':
      if (ofRule(alert) && alert.severity === 'red') return '接警，立即联系本人或家属核实，危重即转 120'
      return FIRST_STEP[alert.type] ?? '接警，联系本人核实'
    case 'acknowledged':
      return alert.severity === 'red' ? '派员上门，危重即转 120' : '派员上门，或登记处置结果'
    case 'dispatched':
      return '等人到场，到了点到场'
    case 'arrived':
      return '现场处理，完毕后登记结果'
    case 'resolved':
      return '回访老人或家属'
    case 'followed_up':
      return '已办结'
    case 'cancelled':
      return '本人已取消，无需处理'
  }
}

const TIMELINE: Readonly<Record<string, string>> = {
  raised: '告警产生',
  folded: '再次触发',
  worsened: '升为一级',
  escalated: '升级至上级',
  notified: '通知',
  quiet: '逾期未处理，再次提醒',
  shared: '共享协查',
  seen: '屏幕已显示',
  acknowledged: '接警',
  dispatched: '派员',
  arrived: '到场',
  resolved: '处置完毕',
  followed_up: '回访',
  cancelled: '本人取消',
  cancel_pressed: '本人按了取消',
  recovered: '已恢复',
  progress: '恢复进展',
  went_on: '补传数据表明仍在持续',
  refuted: '补传数据表明未持续',
  second_opinion: '加速度分析',
  fluctuated: '反复波动',
  asked: '就近求助',
  accepted: '接受前往',
  declined: '去不了',
  responder_arrived: '响应者已到',
  help_needed: '现场需要支援',
  responder_done: '响应者称已处理',
  gave_up: '中途去不了',
  stood_down: '已通知响应者结束',
  away: '不在家，附近没有站点',
  family_safe: '家属确认安全',
  unreached: '未能通知到',
  to_station: '家属未处理，转到站点',
}
export const timelineWord = (kind: string): string => TIMELINE[kind] ?? kind

const WHY: Readonly<Record<string, string>> = {
  unanswered: '无人接警',
  asked_again: '再次呼叫无人接警',
  undispatched: '接警后未派员',
  unarrived: '派员后未到场',
  unclosed: '到场后未办结',
  no_screen: '下级无人看屏',
  nobody_on_duty: '下级无人当班',
}
/** What an escalation says of itself: why, or who was told. */
export function escalationSaid(kind: string, body: Record<string, unknown>): string {
  const to = Array.isArray(body.to) ? (body.to as { name?: string }[]).map((one) => one.name).filter(Boolean) : []
  if (kind === 'notified') return body.nobody_on_duty === true && to.length === 0 ? '值班表上现在无人当班' : to.join('、')
  const why = String(kind === 'escalated' ? (body.why ?? '') : (body.stage ?? ''))
  return WHY[why] ?? ''
}

export const ROUTE_REASON: Readonly<Record<string, string>> = { home: '属地', escalated: '升级', shared: '共享' }
