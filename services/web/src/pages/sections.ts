import type { Route } from './routes'

export type SectionName = 'rules' | 'covers' | 'held' | 'duty' | 'drills' | 'reports'

export const SECTIONS: readonly { at: SectionName; word: string; route: Route }[] = [
  { at: 'rules', word: '规则', route: { page: 'rules' } },
  { at: 'duty', word: '值班', route: { page: 'duty', organization: null } },
  { at: 'covers', word: '暂停告警', route: { page: 'covers' } },
  { at: 'held', word: '已拦下的告警', route: { page: 'held', cover: null } },
  { at: 'drills', word: '演练', route: { page: 'drills' } },
  { at: 'reports', word: '响应报告', route: { page: 'reports' } },
]

export function sectionOf(route: Route): SectionName | null {
  switch (route.page) {
    case 'station':
      return null
    case 'covers':
    case 'duty':
    case 'held':
    case 'drills':
    case 'reports':
      return route.page
    case 'drill':
      return 'drills'
    default:
      return 'rules'
  }
}
