import { onScopeDispose, shallowReactive } from 'vue'
import { Failure, inWords } from '../api/failure'
import { send } from '../api/http'
import type { Answer, Task } from './task'

/** Whether somebody else goes, or it is over, is seen within this. */
const ASK_MS = 5_000
/** A message that did not get through is sent again, in a stairwell too. */
const AGAIN_MS = 2_000

/** The task of a link, kept up to date while its page is looked at; and what one answers, sent until it is heard. */
export function followTask(token: string) {
  const path = `/tasks/${encodeURIComponent(token)}`
  const shown = shallowReactive({
    task: null as Task | null,
    /** It is over, or the link does not hold: nothing follows. */
    over: '',
    trouble: '',
    sending: null as Answer | null,
    /** Why the last answer was not taken. */
    refused: '',
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false

  async function look(): Promise<void> {
    clearTimeout(timer)
    if (ended || shown.over) return
    if (document.visibilityState === 'visible' && shown.sending === null) {
      try {
        const task = (await send(path)) as Task
        if (shown.sending === null) Object.assign(shown, { task, trouble: '' })
      } catch (cause) {
        fails(cause)
      }
    }
    if (!ended && !shown.over) timer = setTimeout(() => void look(), ASK_MS)
  }

  async function answer(answer: Answer, note: string): Promise<boolean> {
    if (shown.sending !== null) return false
    Object.assign(shown, { sending: answer, refused: '' })
    try {
      for (;;) {
        try {
          const task = (await send(`${path}/${answer}`, { method: 'POST', json: note ? { note } : {} })) as Task
          Object.assign(shown, { task, trouble: '' })
          return true
        } catch (cause) {
          fails(cause)
          if (ended || shown.over || !(cause instanceof Failure) || !cause.passing) return false
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        }
      }
    } finally {
      shown.sending = null
      void look()
    }
  }

  function fails(cause: unknown): void {
    if (!(cause instanceof Failure)) shown.trouble = inWords(cause)
    else if (cause.status === 404 || cause.status === 410) Object.assign(shown, { over: cause.detail, task: null })
    else if (cause.passing || cause.status === 429) shown.trouble = `${cause.detail}，正在重试…`
    else shown.refused = cause.detail
  }

  /** Where I am, once, because I said so. Throws what the telephone or the server says. */
  async function tellPosition(): Promise<void> {
    const at = await new Promise<GeolocationPosition>((resolve, reject) =>
      navigator.geolocation.getCurrentPosition(resolve, reject, { enableHighAccuracy: true, timeout: 15_000 }),
    )
    await send(`${path}/position`, { method: 'POST', json: { lat: at.coords.latitude, lon: at.coords.longitude } })
    await look()
  }

  const onShown = (): void => void (document.visibilityState === 'visible' && look())
  document.addEventListener('visibilitychange', onShown)
  onScopeDispose(() => {
    ended = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', onShown)
  })
  void look()
  return { shown, answer, tellPosition }
}
