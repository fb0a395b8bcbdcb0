import { onScopeDispose, shallowReactive } from 'vue'
import { Failure, inWords } from '../api/failure'

const AGAIN_MS = 3_000

/** What a page shows, asked for until it is there; `trouble` says why it is not yet. Ends with the scope. */
export function loading<T>(load: () => Promise<T>) {
  const shown = shallowReactive({ value: null as T | null, trouble: '' })
  let timer: ReturnType<typeof setTimeout> | undefined
  let run = 0

  async function again(): Promise<void> {
    const own = ++run
    clearTimeout(timer)
    try {
      const value = await load()
      if (own === run) Object.assign(shown, { value, trouble: '' })
    } catch (cause) {
      if (own !== run) return
      const passing = cause instanceof Failure && cause.passing
      shown.trouble = passing ? `${inWords(cause)}，正在重试…` : inWords(cause)
      if (passing) timer = setTimeout(() => void again(), AGAIN_MS)
    }
  }

  onScopeDispose(() => {
    run++
    clearTimeout(timer)
  })
  void again()
  return { shown, again }
}
