import { ref, type Ref } from 'vue'

/** As many as the server changes at once. */
export const MOST_PICKED = 500

export interface Picked {
  ids: Ref<ReadonlySet<string>>
  turn: (id: string) => void
  /** All that are shown; when they are all picked already, none. */
  turnAll: (shown: readonly string[]) => void
  clear: () => void
}

/** What somebody ticked in a list. */
export function usePicked(): Picked {
  const ids: Ref<ReadonlySet<string>> = ref(new Set<string>())
  return {
    ids,
    turn(id) {
      const wanted = new Set(ids.value)
      if (!wanted.delete(id) && wanted.size < MOST_PICKED) wanted.add(id)
      ids.value = wanted
    },
    turnAll(shown) {
      const all = shown.length > 0 && shown.every((id) => ids.value.has(id))
      ids.value = new Set(all ? [] : [...new Set([...ids.value, ...shown])].slice(0, MOST_PICKED))
    },
    clear: () => (ids.value = new Set()),
  }
}
