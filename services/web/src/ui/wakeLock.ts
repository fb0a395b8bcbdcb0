import { onScopeDispose } from 'vue'

/** A screen on duty does not go dark. Where the browser cannot promise it, the machine's own setting decides. */
export function keepAwake(): void {
  let lock: WakeLockSentinel | null = null
  let over = false
  const ask = async (): Promise<void> => {
    if (!('wakeLock' in navigator) || document.visibilityState !== 'visible' || over) return
    lock = await navigator.wakeLock.request('screen').catch(() => null)
  }
  // The browser lets go when the page is hidden.
  const again = (): void => void ask()
  document.addEventListener('visibilitychange', again)
  void ask()
  onScopeDispose(() => {
    over = true
    document.removeEventListener('visibilitychange', again)
    void lock?.release()
  })
}
