import { readonly, shallowRef } from 'vue'
import { hashOf, routeOf, STATION, type Route } from './routes'

const current = shallowRef<Route>(STATION)
export const route = readonly(current)

/** Follows the address from now on. */
export function followAddress(): void {
  const follow = (): void => {
    current.value = routeOf(location.hash)
  }
  follow()
  window.addEventListener('popstate', follow)
  window.addEventListener('hashchange', follow)
}

/** Without an event of the browser's: what listens for the way back is not told of a way on. */
export function go(to: Route, how: 'push' | 'replace' = 'push'): void {
  const address = `${location.pathname}${location.search}${hashOf(to)}`
  if (how === 'push') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  current.value = to
}
