const WHAT: Readonly<Record<string, string>> = {
  alert: '处置告警时查看',
  elder: '告警时打开老人资料',
  opened: '紧急查看（没有告警）',
  phones: '查看电话号码',
  identity: '查看身份证号',
  readings: '查看体征或位置',
  episodes: '查看规则判断',
  rules: '查看个人规则',
  fences: '查看围栏',
  camera: '查看摄像头',
  handover: '打开交接单',
  handover_link: '通过链接打开交接单',
  call_list: '片区告警呼叫名单',
  trial: '试运行规则',
  family: '家属页面',
  task: '前往求助时查看',
  task_offer: '收到求助时查看',
}

/** What somebody looked at, in words. */
export function lookWord(what: string): string {
  return what.startsWith('phone of responder') ? '查看响应者电话' : (WHAT[what] ?? what)
}

export function keptWord(days: number | null): string {
  if (days === null) return '长期保存'
  return days < 2 ? `${Math.round(days * 24)} 小时` : `${Math.round(days)} 天`
}
