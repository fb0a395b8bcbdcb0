import type { Route } from './routes'

export type SectionName = 'rules' | 'covers' | 'held' | 'duty'

export const SECTIONS: readonly { at: SectionName; word: string; route: Route }[] = [
  { at: 'rules', word: '规则', route: { page: 'rules' } },
  { at: 'duty', word: '值班', route: { page: 'duty', organization: null } },
  { at: 'covers', word: '暂停告警', route: { page: 'covers' } },
  { at: 'held', word: '已拦下的告警', route: { page: 'held', cover: null } },
]

export function sectionOf(route: Route): SectionName | null {
  switch (route.page) {
    case 'station':
      return null
    case 'covers':
    case 'duty':
    case 'held':
      return route.page
    default:
      return 'rules'
  }
}
