import { onScopeDispose, watch } from 'vue'

/**
 * What covers a phone's screen is left with the phone's own way back, which otherwise leaves the page: while `open`,
 * the history has one entry more.
 */
export function closeOnBack(open: () => boolean, close: () => void): void {
  const mark = 'covered'
  const covered = (): boolean => (history.state as unknown) === mark
  watch(open, (now) => {
    if (now && !covered()) history.pushState(mark, '')
    else if (!now && covered()) history.back()
  })
  const onBack = (): void => {
    if (open() && !covered()) close()
  }
  window.addEventListener('popstate', onBack)
  onScopeDispose(() => window.removeEventListener('popstate', onBack))
}
