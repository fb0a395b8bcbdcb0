import { shallowReactive } from 'vue'
import { Failure, inWords } from '../api/failure'
import type { Definition, Trial } from '../api/ruleTypes'

const EVERY_MS = 1_000

export interface TrialServer {
  start(rule: Definition, from: string, to: string): Promise<Trial>
  get(id: string): Promise<Trial>
  stop(id: string): Promise<void>
  pause(ms: number): Promise<void>
}

export type Trying = ReturnType<typeof createTrying>

export const unfinished = (trial: Trial | null): boolean => trial?.state === 'waiting' || trial?.state === 'running'

/** Where the id of the last trial outlives a reload of the page. */
export interface Kept {
  get(): string | null
  set(id: string): void
}

/** Of this tab: another one tries other things. Where nothing can be kept a reload forgets, as before. */
export function keptFor(rule: string): Kept {
  const key = `anhu.trial.${rule}`
  const tried = <T>(what: () => T): T | null => {
    try {
      return what()
    } catch {
      return null
    }
  }
  return { get: () => tried(() => sessionStorage.getItem(key)), set: (id) => void tried(() => sessionStorage.setItem(key, id)) }
}

/** One trial at a time, asked about until it is over; a server that is away for a moment is asked again. */
export function createTrying(server: TrialServer, kept: Kept | null = null) {
  const shown = shallowReactive({ trial: null as Trial | null, trouble: '', busy: false })
  let run = 0

  async function start(rule: Definition, from: string, to: string): Promise<void> {
    if (shown.busy) return
    const own = ++run
    Object.assign(shown, { trial: null, trouble: '', busy: true })
    try {
      const trial = await server.start(rule, from, to)
      if (own === run) shown.trial = trial
      kept?.set(trial.id)
    } catch (cause) {
      if (own === run) shown.trouble = inWords(cause)
    } finally {
      if (own === run) shown.busy = false
    }
    await follow(own)
  }

  async function follow(own: number): Promise<void> {
    while (own === run && shown.trial && unfinished(shown.trial)) {
      await server.pause(EVERY_MS)
      if (own !== run || !unfinished(shown.trial)) return
      try {
        const trial = await server.get(shown.trial.id)
        if (own === run) Object.assign(shown, { trial, trouble: '' })
      } catch (cause) {
        if (own !== run) return
        const passing = cause instanceof Failure && cause.passing
        shown.trouble = passing ? `${inWords(cause)}，正在重试…` : inWords(cause)
        if (!passing) return
      }
    }
  }

  async function stop(): Promise<void> {
    const { trial } = shown
    if (!trial || !unfinished(trial) || shown.busy) return
    shown.busy = true
    try {
      await server.stop(trial.id)
      // It may have come to its end just before.
      shown.trial = await server.get(trial.id).catch(() => ({ ...trial, state: 'stopped' as const }))
      shown.trouble = ''
    } catch (cause) {
      shown.trouble = inWords(cause)
    } finally {
      shown.busy = false
    }
  }

  /** Nobody asks any more; the server goes on by itself, and `resume` asks again. */
  const leave = (): void => void run++
  async function resume(): Promise<void> {
    const own = ++run
    const id = shown.trial ? null : (kept?.get() ?? null)
    if (id !== null) {
      // One that is gone since is forgotten: it was kept for a month.
      const trial = await server.get(id).catch(() => null)
      if (own === run && trial && !shown.trial) shown.trial = trial
    }
    await follow(own)
  }

  return { shown, start, stop, leave, resume }
}
