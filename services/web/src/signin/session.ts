import { reactive, readonly } from 'vue'
import { Failure } from '../api/failure'
import { send, type Call } from '../api/http'
import type { TokenAnswer } from '../api/types'
import { refreshDelay, usable, type Access } from './lifetime'

/** What outlives a reload. The access token stays in memory only. */
interface Kept {
  refresh_token: string
  username: string
}

const KEY = 'anhu.session'
const LOCK = 'anhu.refresh'

interface Session {
  signedIn: boolean
  username: string
  /** Why the sign-in page is shown again, in the operator's words; empty at first. */
  reason: string
}

const state = reactive<Session>({ signedIn: false, username: '', reason: '' })
export const session = readonly(state)

let access: Access | null = null
let refreshing: Promise<string> | null = null
let timer: ReturnType<typeof setTimeout> | undefined

function kept(): Kept | null {
  try {
    const value = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Partial<Kept> | null
    return value?.refresh_token ? { refresh_token: value.refresh_token, username: value.username ?? '' } : null
  } catch {
    return null
  }
}

function take(answer: TokenAnswer, username: string): string {
  access = { token: answer.access_token, expiresAt: Date.now() + answer.expires_in * 1000 }
  localStorage.setItem(KEY, JSON.stringify({ refresh_token: answer.refresh_token, username } satisfies Kept))
  Object.assign(state, { signedIn: true, username, reason: '' })
  plan(refreshDelay(answer.expires_in))
  return access.token
}

function plan(ms: number): void {
  clearTimeout(timer)
  timer = setTimeout(() => {
    refresh().catch((cause: unknown) => {
      if (cause instanceof Failure && cause.passing && state.signedIn) plan(5_000)
    })
  }, ms)
}

function end(reason: string): void {
  clearTimeout(timer)
  access = null
  Object.assign(state, { signedIn: false, reason })
}

/** Takes up the session of an earlier visit, if there is one. The first call will fetch an access token. */
export function restore(): void {
  const before = kept()
  if (before) Object.assign(state, { signedIn: true, username: before.username, reason: '' })
}

/** `code`: of the second factor, once the server has asked for it (`Failure.asksForCode`). */
export async function signIn(username: string, password: string, code = ''): Promise<void> {
  const form = { username, password, ...(code === '' ? {} : { code }) }
  const answer = (await send('/token', { method: 'POST', form })) as TokenAnswer
  take(answer, username)
}

/** With the ticket that the way back from a provider brought; `code` as of `signIn`. */
export async function signInByTicket(ticket: string, code = ''): Promise<void> {
  const form = { ticket, ...(code === '' ? {} : { code }) }
  const answer = (await send('/oidc/token', { method: 'POST', form })) as TokenAnswer & { username: string }
  take(answer, answer.username)
}

/** Ends the session here and in the other tabs, whether or not the server could be told. */
export async function signOut(): Promise<void> {
  const token = usable(access, Date.now()) ? access?.token : null
  localStorage.removeItem(KEY)
  end('')
  if (token) await send('/sign-out', { method: 'POST', bearer: token }).catch(() => undefined)
}

/** The server no longer knows this session. */
export function expire(reason = '登录已失效，请重新登录'): void {
  localStorage.removeItem(KEY)
  end(reason)
}

/** A token that is good for some time yet. Throws `Failure`; a final refusal has ended the session. */
export async function accessToken(): Promise<string> {
  return access && usable(access, Date.now()) ? access.token : refresh()
}

/** One refresh at a time in this tab, and by `navigator.locks` in this browser: the server rotates the token. */
export function refresh(): Promise<string> {
  refreshing ??= locked(exchange).finally(() => (refreshing = null))
  return refreshing
}

async function locked<T>(work: () => Promise<T>): Promise<T> {
  // Locks exist in secure contexts only; on plain http in a LAN `exchange` copes with a race by itself.
  return 'locks' in navigator ? ((await navigator.locks.request(LOCK, work)) as T) : work()
}

async function exchange(): Promise<string> {
  for (let tries = 0; ; tries++) {
    const before = kept()
    if (!before) {
      end('登录已失效，请重新登录')
      throw new Failure('refused', 401, state.reason)
    }
    try {
      const form = { grant_type: 'refresh_token', refresh_token: before.refresh_token }
      return take((await send('/token', { method: 'POST', form })) as TokenAnswer, before.username)
    } catch (cause) {
      const final = cause instanceof Failure && [400, 401, 403].includes(cause.status)
      if (!final) throw cause
      // Another tab was faster: its token is in the storage now.
      if (tries === 0 && kept() && kept()?.refresh_token !== before.refresh_token) continue
      expire()
      throw cause
    }
  }
}

/** `send` as the person signed in; a 401 is answered by one refresh and a second try. */
export async function authorized(path: string, call: Call = {}): Promise<unknown> {
  try {
    return await send(path, { ...call, bearer: await accessToken() })
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.status !== 401 || !state.signedIn) throw cause
    const renewed = await refresh()
    try {
      return await send(path, { ...call, bearer: renewed })
    } catch (again) {
      if (again instanceof Failure && again.status === 401) expire()
      throw again
    }
  }
}

/** Follows what other tabs do: a sign-out there is one here; so is another person's sign-in. */
export function followOtherTabs(): void {
  window.addEventListener('storage', (event) => {
    if (event.key !== KEY && event.key !== null) return
    const now = kept()
    if (!now) {
      if (state.signedIn) end('已在另一个页面退出登录')
    } else if (state.signedIn && now.username !== state.username) {
      end(`另一个页面换成了 ${now.username} 登录，请刷新或重新登录`)
    }
  })
}
