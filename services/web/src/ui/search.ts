import { ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { inWords } from '../api/failure'
import { debounced } from './debounced'

const SETTLE_MS = 250

export interface Search<T> {
  sought: Ref<string>
  /** null until something is sought. */
  found: ShallowRef<T[] | null>
  /** Whether there is more than `found`. */
  more: Ref<boolean>
  trouble: Ref<string>
}

/** Asks the server for what is typed, once it settles; an answer to what is no longer sought is dropped. */
export function useSearch<T>(find: (text: string) => Promise<{ items: T[]; next: string | null }>): Search<T> {
  const sought = ref('')
  const found: ShallowRef<T[] | null> = shallowRef(null)
  const more = ref(false)
  const trouble = ref('')

  watch(sought, debounced(() => void look(), SETTLE_MS))

  async function look(): Promise<void> {
    const text = sought.value.trim()
    if (text === '') {
      found.value = null
      return
    }
    try {
      const page = await find(text)
      if (sought.value.trim() !== text) return
      found.value = page.items
      more.value = page.next !== null
      trouble.value = ''
    } catch (cause) {
      trouble.value = inWords(cause)
    }
  }

  return { sought, found, more, trouble }
}
