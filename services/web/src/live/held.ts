import { onScopeDispose, readonly, shallowRef, watch, type Ref } from 'vue'
import { getHeldNow } from '../api/calls'
import type { CoverKind, HeldNow } from '../api/types'
import { beijingMoment } from '../time/format'

/** What is held back changes when a person says so: nobody waits for it by the second. */
const EVERY_MS = 20_000

const KIND: Readonly<Record<CoverKind, string>> = {
  silence: '静默',
  maintenance: '维护',
  hospital: '住院',
  holiday: '外出',
}
export const coverWord = (kind: CoverKind): string => KIND[kind] ?? kind

/** "已静默 3 条，到 18:00:00", or null when no cover is on any more. */
export function heldWords(held: HeldNow | null, now: number): string | null {
  if (!held || held.covers.length === 0 || held.until === null || Date.parse(held.until) <= now) return null
  return `已静默 ${held.alerts} 条，到 ${beijingMoment(held.until, now)}`
}

/** What is held back of an organisation's alerts, asked for while the stream is live, until the scope ends. */
export function watchHeld(organizationId: string, live: Ref<boolean>) {
  const held = shallowRef<HeldNow | null>(null)
  let over = false

  async function ask(): Promise<void> {
    if (!live.value) return
    // What was known stays: whoever asks again in a moment needs no word about it.
    const told = await getHeldNow(organizationId).catch(() => held.value)
    if (!over) held.value = told
  }

  const timer = setInterval(() => void ask(), EVERY_MS)
  watch(live, (now) => now && void ask(), { immediate: true })
  onScopeDispose(() => {
    over = true
    clearInterval(timer)
  })
  return readonly(held)
}
