import { inject, provide, type InjectionKey } from 'vue'
import type { Editing } from './editing'

/** What somebody is typing, by the rule (`new` for one that is not there yet): an alarm calls them away, and back. */
export type Drafts = Map<string, Editing>
const KEY: InjectionKey<Drafts> = Symbol('drafts')

export function keepDrafts(): void {
  provide(KEY, new Map())
}

export function useDrafts(): Drafts {
  const drafts = inject(KEY)
  if (!drafts) throw new Error('useDrafts: call keepDrafts in a parent')
  return drafts
}
