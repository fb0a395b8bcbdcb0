import { expect, it } from 'vitest'
import { hashOf, routeOf, type Route } from './routes'

const ROUTES: Route[] = [
  { page: 'station' },
  { page: 'station', alert: 'a17b0000-0000-4000-8000-000000000001' },
  { page: 'climbed' },
  { page: 'rules' },
  { page: 'rule', id: 'a17b0000-0000-4000-8000-000000000001' },
  { page: 'edit', id: 'a/b' },
  { page: 'new', from: null },
  { page: 'new', from: 'r1' },
  { page: 'covers' },
  { page: 'responders' },
  { page: 'held', cover: null },
  { page: 'held', cover: 'c1' },
  { page: 'duty', organization: null },
  { page: 'duty', organization: 'o1' },
  { page: 'policy', organization: 'o1' },
  { page: 'drills' },
  { page: 'drill', id: 'd1' },
  { page: 'reports' },
  { page: 'statistics' },
  { page: 'visits' },
  { page: 'map' },
  { page: 'elders' },
  { page: 'elder', id: 'e/1' },
  { page: 'new-elder' },
  { page: 'devices' },
  { page: 'organizations' },
  { page: 'people' },
  { page: 'import' },
  { page: 'webhooks' },
]

it.each(ROUTES.map((route) => [hashOf(route), route] as const))('%s leads to its page', (hash, route) => {
  expect(routeOf(hash)).toEqual(route)
})

it('what leads nowhere leads to the station', () => {
  for (const hash of ['', '#', '#/', '#/rule', '#/rules/r1/delete', '#/alerts', '#/alerts/a/b', '#/%E0%A4%A', '#covers/x']) {
    expect(routeOf(hash)).toEqual({ page: 'station' })
  }
})
