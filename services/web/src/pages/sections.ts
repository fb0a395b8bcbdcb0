import type { Route } from './routes'

export type SectionName =
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
  | 'statistics'
  | 'visits'
  | 'map'

interface Section {
  at: SectionName
  word: string
  route: Route
  /** For administrators alone: the server refuses others. */
  restricted?: true
}

const SECTIONS: readonly Section[] = [
  { at: 'elders', word: '老人', route: { page: 'elders' } },
  { at: 'devices', word: '设备', route: { page: 'devices' } },
  { at: 'organizations', word: '机构', route: { page: 'organizations' } },
  { at: 'people', word: '人员', route: { page: 'people' }, restricted: true },
  { at: 'import', word: '导入', route: { page: 'import' }, restricted: true },
  { at: 'visits', word: '巡访', route: { page: 'visits' } },
  { at: 'map', word: '关爱地图', route: { page: 'map' } },
  { at: 'rules', word: '规则', route: { page: 'rules' } },
  { at: 'fences', word: '电子围栏', route: { page: 'fences', elder: null } },
  { at: 'duty', word: '值班', route: { page: 'duty', organization: null } },
  { at: 'responders', word: '响应者', route: { page: 'responders' } },
  { at: 'covers', word: '暂停告警', route: { page: 'covers' } },
  { at: 'held', word: '已拦下的告警', route: { page: 'held', cover: null } },
  { at: 'drills', word: '演练', route: { page: 'drills' } },
  { at: 'reports', word: '响应报告', route: { page: 'reports' } },
  { at: 'statistics', word: '统计', route: { page: 'statistics' } },
]

export const sectionsOf = (role: string): readonly Section[] =>
  SECTIONS.filter((section) => !section.restricted || role === 'administrator')

export function sectionOf(route: Route): SectionName | null {
  switch (route.page) {
    case 'station':
      return null
    case 'elder':
    case 'new-elder':
      return 'elders'
    case 'drill':
      return 'drills'
    case 'rule':
    case 'edit':
    case 'new':
      return 'rules'
    default:
      return route.page
  }
}
