/** Which page an address stands for: the part after `#`, so that a reload stays there and the browser's 后退 works. */

export type Route =
  /** `alert`: to be shown at once, as the link in a message asks. */
  | { page: 'station'; alert?: string }
  /** A supervisor's: what climbed to them. */
  | { page: 'climbed' }
  | { page: 'rules' }
  | { page: 'rule'; id: string }
  | { page: 'edit'; id: string }
  /** `from`: the rule that it is a copy of. */
  | { page: 'new'; from: string | null }
  | { page: 'covers' }
  | { page: 'held'; cover: string | null }
  /** `organization`: whose roster; null is the first that one reaches. */
  | { page: 'duty'; organization: string | null }
  /** An organisation's escalation policy, to be changed. */
  | { page: 'policy'; organization: string }
  | { page: 'drills' }
  | { page: 'drill'; id: string }
  | { page: 'reports' }
  | { page: 'statistics' }
  | { page: 'visits' }
  | { page: 'map' }
  | { page: 'elders' }
  | { page: 'elder'; id: string }
  | { page: 'new-elder' }
  | { page: 'devices' }
  | { page: 'organizations' }
  | { page: 'people' }
  | { page: 'audit' }
  | { page: 'webhooks' }
  | { page: 'account' }
  | { page: 'import' }
  | { page: 'responders' }
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
  if (first === 'responders') return { page: 'responders' }
  if (first === 'covers') return { page: 'covers' }
  if (first === 'drills') return second ? { page: 'drill', id: second } : { page: 'drills' }
  if (first === 'reports' || first === 'statistics' || first === 'visits' || first === 'map') return { page: first }
  if (first === 'elders' && third === undefined) {
    if (!second) return { page: 'elders' }
    return second === 'new' ? { page: 'new-elder' } : { page: 'elder', id: second }
  }
  if (first === 'climbed' || first === 'devices' || first === 'organizations' || first === 'people' || first === 'import' || first === 'audit' || first === 'account' || first === 'webhooks') return { page: first }
  if (first === 'fences') return { page: 'fences', elder: asked.get('elder') }
  if (first === 'held') return { page: 'held', cover: asked.get('cover') }
  if (first === 'duty') return second && third === 'policy' ? { page: 'policy', organization: second } : { page: 'duty', organization: second || null }
  if (first === 'alerts' && second && third === undefined) return { page: 'station', alert: second }
  return STATION
}

export function hashOf(route: Route): string {
  switch (route.page) {
    case 'station':
      return route.alert === undefined ? '' : `#/alerts/${encodeURIComponent(route.alert)}`
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
    case 'duty':
      return `#/duty${route.organization === null ? '' : `/${encodeURIComponent(route.organization)}`}`
    case 'policy':
      return `#/duty/${encodeURIComponent(route.organization)}/policy`
    case 'drills':
      return '#/drills'
    case 'drill':
      return `#/drills/${encodeURIComponent(route.id)}`
    case 'reports':
    case 'statistics':
    case 'visits':
    case 'map':
      return `#/${route.page}`
    case 'elder':
      return `#/elders/${encodeURIComponent(route.id)}`
    case 'new-elder':
      return '#/elders/new'
    case 'climbed':
    case 'elders':
    case 'devices':
    case 'organizations':
    case 'people':
    case 'audit':
    case 'webhooks':
    case 'account':
    case 'import':
      return `#/${route.page}`
    case 'responders':
      return '#/responders'
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
