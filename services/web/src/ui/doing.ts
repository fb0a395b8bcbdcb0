import { ref, type Ref } from 'vue'
import { inWords } from '../api/failure'

/** One thing at a time that somebody asked for: `busy` while it is done, and in `refused` why it was not. */
export interface Doing {
  busy: Ref<boolean>
  refused: Ref<string>
  /** Whether it was done; not when something else is still being done. */
  doing: (work: () => Promise<unknown>) => Promise<boolean>
}

export function oneAtATime(): Doing {
  const busy = ref(false)
  const refused = ref('')

  async function doing(work: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    refused.value = ''
    try {
      await work()
      return true
    } catch (cause) {
      refused.value = inWords(cause)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, refused, doing }
}
