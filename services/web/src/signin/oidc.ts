import { send } from '../api/http'

/** What the way back from the provider brought. */
export type Return = { ticket: string } | { trouble: string } | null

const WORDS: Readonly<Record<string, string>> = {
  expired: '登录等得太久，或已在别处完成，请再点一次',
  refused: '没有在统一登录页面完成登录，请再试',
  away: '统一登录暂时连接不上，请稍后再试，或用用户名和密码登录',
  unproven: '统一登录返回的身份没有通过核对，请再试；仍不行请联系管理员',
  unknown: '您的身份还没有绑定到本系统的账号，请联系管理员',
  disabled: '您的账号已停用，请联系管理员',
}

export function returnIn(hash: string): Return {
  const said = new URLSearchParams(hash.replace(/^#/, ''))
  const ticket = said.get('oidc')
  if (ticket) return { ticket }
  const trouble = said.get('oidc-trouble')
  // Whoever makes up a link makes up no sentence of ours.
  return trouble === null ? null : { trouble: WORDS[trouble] ?? '统一登录没有成功，请再试' }
}

const PLACE = 'anhu.oidc.place'

/** Keeps where the page was, which may be the alert of a message. A browser that keeps nothing forgets it. */
export function rememberPlace(): void {
  try {
    sessionStorage.setItem(PLACE, location.hash)
  } catch {
    return
  }
}

function rememberedPlace(): string {
  try {
    const place = sessionStorage.getItem(PLACE) ?? ''
    sessionStorage.removeItem(PLACE)
    return place
  } catch {
    return ''
  }
}

/** Takes it out of the address, once, and brings the page back to where it was: before anything follows the address. */
function takeReturn(): Return {
  if (typeof location === 'undefined') return null
  const found = returnIn(location.hash)
  if (found) history.replaceState(null, '', `${location.pathname}${location.search}${rememberedPlace()}`)
  return found
}

let found: Return = takeReturn()

/** For the first sign-in page that is shown, and no later one. */
export function takenReturn(): Return {
  const once = found
  found = null
  return once
}

/** What the provider is called; null: there is none, or nobody can say now. */
export async function providerName(): Promise<string | null> {
  const told = (await send('/oidc').catch(() => null)) as { name: string | null } | null
  return told?.name ?? null
}

/** Where a press of the button leads. */
export function startAddress(pathname: string): string {
  const back = ['/family/', '/visits'].find((each) => pathname === each) ?? '/'
  return `/api/v1/oidc/start?back=${encodeURIComponent(back)}`
}
