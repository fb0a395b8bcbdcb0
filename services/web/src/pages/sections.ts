import type { Route } from './routes'

export type SectionName = 'rules' | 'covers' | 'held' | 'fences'

export const SECTIONS: readonly { at: SectionName; word: string; route: Route }[] = [
  { at: 'rules', word: '规则', route: { page: 'rules' } },
  { at: 'covers', word: '暂停告警', route: { page: 'covers' } },
  { at: 'held', word: '已拦下的告警', route: { page: 'held', cover: null } },
  { at: 'fences', word: '电子围栏', route: { page: 'fences', elder: null } },
]

export function sectionOf(route: Route): SectionName | null {
  switch (route.page) {
    case 'station':
      return null
    case 'covers':
    case 'held':
    case 'fences':
      return route.page
    default:
      return 'rules'
  }
}
