import type { Change, DeviceModel, ImportKind } from '../api/setupTypes'

export const LIVING: readonly string[] = [
  '独居',
  '空巢',
  '留守',
  '与配偶同住',
  '与子女同住',
  '与其他亲属同住',
  '与保姆同住',
  '集体居住',
  '机构养老',
]

export const DEVICE_KINDS: readonly { kind: string; word: string }[] = [
  { kind: 'wristband', word: '手环' },
  { kind: 'fall_detector', word: '跌倒报警器' },
  { kind: 'emergency_button', word: '紧急呼叫器' },
  { kind: 'pull_cord', word: '拉绳报警器' },
  { kind: 'bed_sensor', word: '床垫' },
  { kind: 'smoke_detector', word: '烟感' },
  { kind: 'gas_detector', word: '燃气报警器' },
  { kind: 'water_detector', word: '水浸传感器' },
  { kind: 'door_sensor', word: '门磁' },
]

export const MEASURES: readonly { name: string; word: string }[] = [
  { name: 'heart_rate', word: '心率' },
  { name: 'spo2', word: '血氧' },
  { name: 'body_temperature', word: '体温' },
  { name: 'respiratory_rate', word: '呼吸' },
  { name: 'systolic', word: '收缩压' },
  { name: 'diastolic', word: '舒张压' },
  { name: 'steps', word: '步数' },
  { name: 'worn', word: '佩戴' },
  { name: 'in_bed', word: '在床' },
  { name: 'battery', word: '电量' },
  { name: 'rssi', word: '信号' },
  { name: 'lat', word: '纬度' },
  { name: 'lon', word: '经度' },
  { name: 'accuracy', word: '定位精度' },
]
export const SAYS: readonly { name: string; word: string }[] = [
  { name: 'sos', word: '紧急呼救' },
  { name: 'fall', word: '跌倒' },
  { name: 'smoke', word: '烟雾' },
  { name: 'gas', word: '燃气' },
  { name: 'water_leak', word: '水浸' },
  { name: 'cancel', word: '取消' },
  { name: 'service_request', word: '服务请求' },
  { name: 'door_open', word: '开门' },
  { name: 'door_closed', word: '关门' },
  { name: 'bed_out', word: '离床' },
  { name: 'bed_in', word: '上床' },
  { name: 'worn_off', word: '摘下' },
  { name: 'worn_on', word: '戴上' },
  { name: 'low_battery', word: '低电' },
  { name: 'tamper', word: '防拆' },
  { name: 'medication_taken', word: '已服药' },
  { name: 'test', word: '测试' },
]
const named = (all: readonly { name: string; word: string }[], names: readonly string[]): string =>
  all.filter((each) => names.includes(each.name)).map((each) => each.word).join('、')

/** 每 5 分钟, 每 90 秒, 每 2 小时. */
export function everyWord(seconds: number): string {
  if (seconds % 3600 === 0) return `每 ${seconds / 3600} 小时`
  return seconds % 60 === 0 ? `每 ${seconds / 60} 分钟` : `每 ${seconds} 秒`
}

/** What a model is known to do, in a line. */
export function modelDoes(model: DeviceModel): string {
  return [
    model.measures.length > 0 ? `测量${named(MEASURES, model.measures)}` : '',
    model.says.length > 0 ? `报告${named(SAYS, model.says)}` : '',
    model.every_seconds === null ? '' : `${everyWord(model.every_seconds)}上报`,
  ]
    .filter(Boolean)
    .join('；')
}

/** As it is entered: a line each, `name=value`; null where a line is none. */
export function settingsOf(text: string): DeviceModel['settings'] | null {
  const found: DeviceModel['settings'] = {}
  for (const line of text.split('\n').map((each) => each.trim()).filter(Boolean)) {
    const [, name, value] = /^([A-Za-z0-9_.-]{1,64})\s*[=＝]\s*(.{1,200})$/.exec(line) ?? []
    if (name === undefined || value === undefined) return null
    if (value === 'true' || value === 'false') found[name] = value === 'true'
    else found[name] = Number.isFinite(Number(value)) ? Number(value) : value
  }
  return found
}
export const settingsText = (settings: DeviceModel['settings']): string =>
  Object.entries(settings).map(([name, value]) => `${name}=${String(value)}`).join('\n')

const CONDITION: Readonly<Record<string, string>> = {
  'device.offline': '离线',
  'device.not_worn': '长时间未佩戴',
  'device.low_battery': '电量低',
  'device.untested': '该测试了',
}
export const conditionWord = (type: string): string => CONDITION[type] ?? type

export const ROLES: readonly { role: string; word: string }[] = [
  { role: 'operator', word: '值班员' },
  { role: 'administrator', word: '管理员' },
  { role: 'caregiver', word: '照护者' },
  { role: 'supervisor', word: '监管人员' },
  { role: 'auditor', word: '审计员' },
]
const OTHER_ROLE: Readonly<Record<string, string>> = { responder: '响应者' }
export const roleWord = (role: string): string => ROLES.find((each) => each.role === role)?.word ?? OTHER_ROLE[role] ?? role

export const IMPORTS: readonly { kind: ImportKind; word: string; about: string }[] = [
  { kind: 'organizations', word: '机构', about: '站点、服务点、养老机构；上级机构要先有，或在同一个文件里' },
  { kind: 'elders', word: '老人', about: '姓名、身份证号（或出生日期）、所属社区必填；紧急联系人可写在同一行' },
  { kind: 'contacts', word: '联系人', about: '给已有老人添加联系人' },
  { kind: 'devices', word: '设备', about: '新设备各得一个密钥，只显示一次；已有的设备按文件重新绑定' },
  { kind: 'accounts', word: '人员', about: '管理员、值班员、照护者；没有填初始密码的由系统生成' },
  { kind: 'responders', word: '响应者', about: '网格员、村医、志愿者、邻居等；按电话和所属机构认出已有的人' },
]

const FIELD: Readonly<Record<string, string>> = {
  label: '名称',
  url: '接收地址',
  paused_why: '暂停',
  name: '姓名',
  organization_id: '所属机构',
  identity_hash: '身份证号',
  gender: '性别',
  birth_date: '出生日期',
  phone: '电话',
  address: '地址',
  lat: '纬度',
  lon: '经度',
  ability_level: '能力等级',
  long_term_care_grade: '长护险等级',
  living_situation: '居住情况',
  care_categories: '护理类别',
  conditions: '疾病',
  medicines: '用药',
  allergies: '过敏',
  health_notes: '健康备注',
  entry_notes: '入户说明',
  doctor_name: '家庭医生',
  doctor_phone: '家庭医生电话',
  relation: '关系',
  position: '顺序',
  elder_id: '老人',
  kind: '类型',
  model: '型号',
  credential_hash: '密钥',
  revoked_at: '停用',
  password_hash: '密码',
  disabled_at: '停用',
  role: '角色',
  tier: '层级',
  division_code: '区划代码',
  parent_id: '上级机构',
  level: '等级',
  score: '评分',
  assessed_on: '评估日期',
  assessor: '评估人',
  reason: '原因',
  purpose: '用途',
  text: '同意的内容',
  given_at: '同意时间',
  given_by: '谁同意的',
  withdrawn_at: '撤回时间',
}
const WHAT: Readonly<Record<string, string>> = {
  created: '建档',
  changed: '修改',
  deleted: '删除',
  'contact added': '添加联系人',
  'contact removed': '删除联系人',
  assessed: '能力评估',
  'assessment removed': '删除评估',
  'identity shown': '查看身份证号',
  'withheld opened': '紧急查看',
  'camera bound': '绑定摄像头',
  'camera removed': '解除摄像头',
  exported: '导出个人信息',
  erased: '删除个人信息',
  'second factor on': '开启动态验证码',
  'second factor off': '关闭动态验证码',
  'subject bound': '绑定统一登录身份',
  'subject unbound': '解除统一登录身份',
  'organization given': '加入机构',
  'organization taken': '离开机构',
  'elder given': '开始照护',
  'elder taken': '结束照护',
  'consent given': '登记知情同意',
  'consent withdrawn': '撤回知情同意',
  'consent changed': '知情同意改动',
  'consent removed': '删除知情同意',
  'secret made anew': '换签名密钥',
}
export const whatWord = (what: string): string => WHAT[what] ?? what

const IDENTITY: Readonly<Record<string, string>> = {
  enrolled: '登记，发出密钥',
  rotated: '更换密钥',
  revoked: '停用',
  restored: '恢复，发出新密钥',
}
export const identityWord = (what: string): string => IDENTITY[what] ?? what

const PURPOSE: Readonly<Record<string, string>> = {
  asked: '有人暂停',
  failing: '对方一天没有收下',
  gone: '对方说地址已停用',
  family_alerts: '告警和设备状态',
  family_location: '位置和住址',
  family_vitals: '体征测量值',
}

function told(value: unknown): string {
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return '空'
  return Array.isArray(value) ? value.join('、') : PURPOSE[String(value)] ?? String(value)
}

/** What a change did, field by field, in words; ids of no interest to a reader are left out. */
export function differencesOf(change: Change, names: ReadonlyMap<string, string>): string[] {
  const fields = Object.keys(change.after ?? change.before ?? {}).filter((field) => field in FIELD)
  const word = (value: unknown): string => names.get(String(value)) ?? told(value)
  return fields.map((field) => {
    const [was, is] = [change.before?.[field], change.after?.[field]]
    if (is === '…' || was === '…') return `${FIELD[field]}：已更换`
    if (change.what === 'changed') return `${FIELD[field]}：${word(was)} → ${word(is)}`
    return `${FIELD[field]}：${word(is ?? was)}`
  }).filter((line) => !line.endsWith('：空'))
}
