/** Which page an address stands for: the part after `#`, so that a reload stays there and the browser's 后退 works. */

export type Route =
  | { page: 'station' }
  | { page: 'rules' }
  | { page: 'rule'; id: string }
  | { page: 'edit'; id: string }
  /** `from`: the rule that it is a copy of. */
  | { page: 'new'; from: string | null }
  | { page: 'covers' }
  | { page: 'held'; cover: string | null }
  /** Of an elder, once one is chosen. */
  | { page: 'fences'; elder: string | null }

export const STATION: Route = { page: 'station' }

/** What is not known here is the station's screen. */
export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?')
  const [, first, second, third] = path.split('/').map(decoded)
  const asked = new URLSearchParams(query)
  if (first === 'rules') {
    if (!second) return { page: 'rules' }
    if (second === 'new') return { page: 'new', from: asked.get('from') }
    if (third === undefined) return { page: 'rule', id: second }
    if (third === 'edit') return { page: 'edit', id: second }
  }
  if (first === 'covers') return { page: 'covers' }
  if (first === 'fences') return { page: 'fences', elder: asked.get('elder') }
  if (first === 'held') return { page: 'held', cover: asked.get('cover') }
  return STATION
}

export function hashOf(route: Route): string {
  switch (route.page) {
    case 'station':
      return ''
    case 'rules':
      return '#/rules'
    case 'rule':
      return `#/rules/${encodeURIComponent(route.id)}`
    case 'edit':
      return `#/rules/${encodeURIComponent(route.id)}/edit`
    case 'new':
      return `#/rules/new${route.from === null ? '' : `?${new URLSearchParams({ from: route.from })}`}`
    case 'covers':
      return '#/covers'
    case 'fences':
      return `#/fences${route.elder === null ? '' : `?${new URLSearchParams({ elder: route.elder })}`}`
    case 'held':
      return `#/held${route.cover === null ? '' : `?${new URLSearchParams({ cover: route.cover })}`}`
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
