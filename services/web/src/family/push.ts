/** Web Push: permission, the service worker, and this browser's subscription. */

export type PushState = 'unsupported' | 'denied' | 'off' | 'on'

export const pushSupported = (): boolean =>
  'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window

/** On an iPhone it exists only once the page is on the home screen. */
export const wantsHomeScreen = (): boolean =>
  !pushSupported() && /iPhone|iPad/.test(navigator.userAgent) && !matchMedia('(display-mode: standalone)').matches

export async function registerWorker(): Promise<ServiceWorkerRegistration | null> {
  if (!('serviceWorker' in navigator)) return null
  return navigator.serviceWorker.register('/family/sw.js', { scope: '/family/' }).catch(() => null)
}

export async function pushState(): Promise<PushState> {
  if (!pushSupported()) return 'unsupported'
  if (Notification.permission === 'denied') return 'denied'
  const registration = await navigator.serviceWorker.getRegistration('/family/')
  const subscription = await registration?.pushManager.getSubscription()
  return subscription && Notification.permission === 'granted' ? 'on' : 'off'
}

/** Asks the person, then the browser. Throws a sentence for the person. */
export async function subscribe(key: string): Promise<PushSubscriptionJSON> {
  if (!pushSupported()) throw new Error('这个浏览器不支持通知')
  if ((await Notification.requestPermission()) !== 'granted') throw new Error('没有允许通知，请在浏览器设置里打开')
  await registerWorker()
  const registration = await navigator.serviceWorker.ready
  try {
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytesOf(key),
    })
    return subscription.toJSON()
  } catch (cause) {
    throw new Error(`浏览器没能登记通知（${cause instanceof Error ? cause.name : '未知原因'}），请检查网络后再试`)
  }
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'))
  const bytes = new Uint8Array(new ArrayBuffer(text.length))
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}
