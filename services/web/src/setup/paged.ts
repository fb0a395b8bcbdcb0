import { ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { inWords } from '../api/failure'
import type { Page } from '../api/types'
import { debounced } from '../ui/debounced'

const SETTLE_MS = 250

export interface Paged<T> {
  items: ShallowRef<T[]>
  next: Ref<string | null>
  busy: Ref<boolean>
  trouble: Ref<string>
  more: () => Promise<void>
  again: () => Promise<void>
}

/** A list that is read page by page; anew when a filter changes and settles. An answer to other filters is dropped. */
export function usePaged<T>(
  filters: () => Record<string, string>,
  load: (filters: Record<string, string>, cursor: string | null) => Promise<Page<T>>,
): Paged<T> {
  const items: ShallowRef<T[]> = shallowRef([])
  const next = ref<string | null>(null)
  const busy = ref(true)
  const trouble = ref('')
  let run = 0

  async function read(cursor: string | null): Promise<void> {
    const own = ++run
    busy.value = true
    trouble.value = ''
    try {
      const page = await load(filters(), cursor)
      if (own !== run) return
      items.value = cursor === null ? page.items : [...items.value, ...page.items]
      next.value = page.next
    } catch (cause) {
      if (own === run) trouble.value = inWords(cause)
    } finally {
      if (own === run) busy.value = false
    }
  }

  const again = (): Promise<void> => read(null)
  watch(filters, debounced(() => void again(), SETTLE_MS))
  void again()
  return { items, next, busy, trouble, again, more: () => read(next.value) }
}
