import { onScopeDispose } from 'vue'

/** Calls `work` when nobody has asked for it for so long; not any more when the scope is over. */
export function debounced(work: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  onScopeDispose(() => clearTimeout(timer))
  return () => {
    clearTimeout(timer)
    timer = setTimeout(work, ms)
  }
}
