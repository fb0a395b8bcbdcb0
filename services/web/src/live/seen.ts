import { onScopeDispose } from 'vue'

/** A glance takes about a second; a row that only scrolls past was not seen. */
const GLANCE_MS = 1_000
/** So much of the row has to be inside the viewport. */
const SHARE_SHOWN = 0.6

/**
 * Tells which alerts a visible page has really shown: on screen for a second while the page is in front.
 * `shown` is called once for each alert.
 */
export function watchSeen(shown: (alertId: string) => void) {
  const ids = new Map<Element, string>()
  const inView = new Map<Element, boolean>()
  const timers = new Map<Element, ReturnType<typeof setTimeout>>()
  const told = new Set<string>()

  function weigh(element: Element): void {
    const id = ids.get(element)
    const visible = document.visibilityState === 'visible' && inView.get(element) === true
    if (id === undefined || told.has(id) || !visible) {
      clearTimeout(timers.get(element))
      timers.delete(element)
      return
    }
    if (timers.has(element)) return
    timers.set(
      element,
      setTimeout(() => {
        timers.delete(element)
        if (told.has(id)) return
        told.add(id)
        shown(id)
      }, GLANCE_MS),
    )
  }

  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        inView.set(entry.target, entry.isIntersecting && entry.intersectionRatio >= SHARE_SHOWN)
        weigh(entry.target)
      }
    },
    { threshold: [0, SHARE_SHOWN] },
  )
  const weighAll = (): void => [...ids.keys()].forEach(weigh)
  document.addEventListener('visibilitychange', weighAll)
  onScopeDispose(() => {
    observer.disconnect()
    timers.forEach((timer) => clearTimeout(timer))
    document.removeEventListener('visibilitychange', weighAll)
  })

  return {
    observe(element: Element, alertId: string): void {
      ids.set(element, alertId)
      observer.observe(element)
    },
    forget(element: Element): void {
      observer.unobserve(element)
      clearTimeout(timers.get(element))
      timers.delete(element)
      ids.delete(element)
      inView.delete(element)
    },
  }
}
