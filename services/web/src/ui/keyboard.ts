import { onScopeDispose } from 'vue'

export interface Shortcuts {
  up(): void
  down(): void
  enter(): void
  escape(): void
  help(): void
  /** While a dialog is open its own keys are the only ones. */
  blocked(): boolean
}

const TYPING = 'input, textarea, select, [contenteditable]'
/** Enter on these has a meaning already. */
const ACTIVE = 'button, a[href], summary'

export function useShortcuts(shortcuts: Shortcuts): void {
  function press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (shortcuts.blocked()) return
    const target = event.target instanceof Element ? event.target : null
    if (target?.closest(TYPING)) return
    switch (event.key) {
      case 'ArrowUp':
      case 'k':
        shortcuts.up()
        break
      case 'ArrowDown':
      case 'j':
        shortcuts.down()
        break
      case 'Enter':
        // A key that is held down repeats: one press is one step.
        if (event.repeat) break
        if (target?.closest(ACTIVE)) return
        shortcuts.enter()
        break
      case 'Escape':
        shortcuts.escape()
        break
      case '?':
      case '？':
        shortcuts.help()
        break
      default:
        return
    }
    event.preventDefault()
  }
  window.addEventListener('keydown', press)
  onScopeDispose(() => window.removeEventListener('keydown', press))
}
