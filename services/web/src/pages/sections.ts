import type { Route } from './routes'

export type SectionName =
  | 'climbed'
  | 'elders'
  | 'devices'
  | 'organizations'
  | 'people'
  | 'import'
  | 'rules'
  | 'fences'
  | 'duty'
  | 'responders'
  | 'covers'
  | 'held'
  | 'drills'
  | 'reports'
  | 'audit'
  | 'webhooks'
  | 'account'
  | 'statistics'
  | 'visits'
  | 'map'

interface Section {
  at: SectionName
  word: string
  route: Route
  /** For whom, when not for operators and administrators: the server refuses others. */
  roles?: readonly string[]
}

const STAFF: readonly string[] = ['operator', 'administrator']
const SECTIONS: readonly Section[] = [
  { at: 'climbed', word: '升级到本级', route: { page: 'climbed' }, roles: ['supervisor'] },
  { at: 'elders', word: '老人', route: { page: 'elders' } },
  { at: 'devices', word: '设备', route: { page: 'devices' } },
  { at: 'organizations', word: '机构', route: { page: 'organizations' } },
  { at: 'people', word: '人员', route: { page: 'people' }, roles: ['administrator'] },
  { at: 'import', word: '导入', route: { page: 'import' }, roles: ['administrator'] },
  { at: 'visits', word: '巡访', route: { page: 'visits' } },
  { at: 'map', word: '关爱地图', route: { page: 'map' } },
  { at: 'rules', word: '规则', route: { page: 'rules' } },
  { at: 'fences', word: '电子围栏', route: { page: 'fences', elder: null } },
  { at: 'duty', word: '值班', route: { page: 'duty', organization: null } },
  { at: 'responders', word: '响应者', route: { page: 'responders' } },
  { at: 'covers', word: '暂停告警', route: { page: 'covers' } },
  { at: 'held', word: '已拦下的告警', route: { page: 'held', cover: null } },
  { at: 'drills', word: '演练', route: { page: 'drills' } },
  { at: 'reports', word: '响应报告', route: { page: 'reports' }, roles: [...STAFF, 'supervisor', 'auditor'] },
  { at: 'statistics', word: '统计', route: { page: 'statistics' }, roles: [...STAFF, 'supervisor', 'auditor'] },
  { at: 'audit', word: '查阅记录', route: { page: 'audit' }, roles: ['administrator', 'auditor'] },
  { at: 'webhooks', word: '对外推送', route: { page: 'webhooks' }, roles: ['administrator'] },
  { at: 'account', word: '我的账号', route: { page: 'account' }, roles: [...STAFF, 'supervisor', 'auditor'] },
]

export const sectionsOf = (role: string): readonly Section[] =>
  SECTIONS.filter((section) => (section.roles ?? STAFF).includes(role))

export function sectionOf(route: Route): SectionName | null {
  switch (route.page) {
    case 'station':
      return null
    case 'elder':
    case 'new-elder':
      return 'elders'
    case 'drill':
      return 'drills'
    case 'policy':
      return 'duty'
    case 'rule':
    case 'edit':
    case 'new':
      return 'rules'
    default:
      return route.page
  }
}
