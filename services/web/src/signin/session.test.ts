import { beforeEach, describe, expect, it, vi } from 'vitest'
import { refreshDelay, usable } from './lifetime'

const KEY = 'anhu.session'

/** A browser's storage, and a server that answers `POST /token` as `answer` says. */
async function page(stored: object | null, answer: (form: URLSearchParams) => Response | Promise<Response>) {
  const store = new Map<string, string>(stored ? [[KEY, JSON.stringify(stored)]] : [])
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => void store.set(key, value),
    removeItem: (key: string) => void store.delete(key),
  })
  vi.stubGlobal('navigator', {})
  const asked: URLSearchParams[] = []
  const api: { path: string; bearer: string | null }[] = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    if (!path.endsWith('/token')) {
      const bearer = new Headers(init.headers).get('Authorization')
      api.push({ path, bearer })
      return bearer === 'Bearer fresh' ? json({ ok: true }) : json({ detail: '令牌已失效' }, 401)
    }
    const form = new URLSearchParams(String(init.body))
    asked.push(form)
    return answer(form)
  })
  const session = await import('./session')
  session.restore()
  return { session, store, asked, api, kept: () => JSON.parse(store.get(KEY) ?? 'null') as { refresh_token: string } | null }
}

const json = (body: object, status = 200) => new Response(JSON.stringify(body), { status })
const tokens = (access: string, refresh: string) =>
  json({ access_token: access, refresh_token: refresh, token_type: 'bearer', expires_in: 900 })

beforeEach(() => {
  vi.resetModules()
  vi.unstubAllGlobals()
  vi.useFakeTimers()
})

describe('the session', () => {
  it('asks for one new token however many calls need it', async () => {
    const { session, asked, kept } = await page({ refresh_token: 'r1', username: 'op' }, () => tokens('fresh', 'r2'))
    await Promise.all([session.authorized('/me'), session.authorized('/organizations'), session.authorized('/alerts')])
    expect(asked).toHaveLength(1)
    expect(asked[0]?.get('refresh_token')).toBe('r1')
    expect(kept()?.refresh_token).toBe('r2')
  })

  it('takes the token of a tab that was faster', async () => {
    const tab = await page({ refresh_token: 'r1', username: 'op' }, (form) => {
      if (form.get('refresh_token') === 'r2') return tokens('fresh', 'r3')
      tab.store.set(KEY, JSON.stringify({ refresh_token: 'r2', username: 'op' }))
      return json({ detail: '已用过' }, 401)
    })
    await expect(tab.session.authorized('/me')).resolves.toEqual({ ok: true })
    expect(tab.kept()?.refresh_token).toBe('r3')
    expect(tab.session.session.signedIn).toBe(true)
  })

  it('ends when the server no longer knows it', async () => {
    const { session, kept } = await page({ refresh_token: 'r1', username: 'op' }, () => json({ detail: '不认识' }, 401))
    await expect(session.authorized('/me')).rejects.toMatchObject({ status: 401 })
    expect(session.session).toMatchObject({ signedIn: false, reason: '登录已失效，请重新登录' })
    expect(kept()).toBeNull()
  })

  it('outlives a server that cannot be reached', async () => {
    const { session, kept } = await page({ refresh_token: 'r1', username: 'op' }, () => Promise.reject(new Error('offline')))
    await expect(session.authorized('/me')).rejects.toMatchObject({ kind: 'unreachable', passing: true })
    expect(session.session.signedIn).toBe(true)
    expect(kept()?.refresh_token).toBe('r1')
  })

  it('answers a 401 with one refresh and a second try', async () => {
    const stale = await page(null, (form) => (form.has('grant_type') ? tokens('fresh', 'r2') : tokens('stale', 'r1')))
    await stale.session.signIn('op', 'secret')
    await expect(stale.session.authorized('/me')).resolves.toEqual({ ok: true })
    expect(stale.api.map(({ bearer }) => bearer)).toEqual(['Bearer stale', 'Bearer fresh'])
  })

  it('refreshes before the token ends, without being asked', async () => {
    const { session, asked } = await page(null, (form) => tokens('fresh', form.has('grant_type') ? 'r2' : 'r1'))
    await session.signIn('op', 'secret')
    await vi.advanceTimersByTimeAsync(refreshDelay(900) - 1)
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked.at(-1)?.get('grant_type')).toBe('refresh_token')
  })
})

describe('lifetimes', () => {
  it('a token that ends within a request is not worth sending', () => {
    expect(usable({ token: 't', expiresAt: 20_000 }, 0)).toBe(true)
    expect(usable({ token: 't', expiresAt: 20_000 }, 10_000)).toBe(false)
    expect(usable(null, 0)).toBe(false)
  })

  it('a very long life does not overflow the timer', () => {
    expect(refreshDelay(10 * 365 * 86_400)).toBeLessThan(2 ** 31)
    expect(refreshDelay(0)).toBe(1000)
  })
})
