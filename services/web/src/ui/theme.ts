import { readonly, ref, watchEffect } from 'vue'

export type Theme = 'auto' | 'light' | 'dark'
const KEY = 'anhu.theme'
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' }
export const THEME_WORD: Readonly<Record<Theme, string>> = { auto: '自动', light: '浅色', dark: '深色' }

const stored = localStorage.getItem(KEY)
const chosen = ref<Theme>(stored === 'light' || stored === 'dark' ? stored : 'auto')
export const theme = readonly(chosen)
const inForce = ref(false)
/** Whether the page is dark now: what reads colours off it does so again. */
export const dark = readonly(inForce)

export function nextTheme(): void {
  chosen.value = NEXT[chosen.value]
  localStorage.setItem(KEY, chosen.value)
}

/** Keeps `<html class="dark">`, which Element Plus and our own tokens both go by. */
export function applyTheme(): void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(system.matches)
  system.addEventListener('change', (event) => (systemDark.value = event.matches))
  watchEffect(() => {
    const wanted = chosen.value === 'dark' || (chosen.value === 'auto' && systemDark.value)
    document.documentElement.classList.toggle('dark', wanted)
    document.documentElement.style.colorScheme = wanted ? 'dark' : 'light'
    inForce.value = wanted
  })
}
