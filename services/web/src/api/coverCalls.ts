import { authorized } from '../signin/session'
import type { Cover, Device, HeldPage, NewCover } from './coverTypes'
import { everyPage, onePage } from './pages'
import type { Elder, Page } from './types'

/** Of a search, as many as somebody reads before they type one letter more. */
const FOUND = 20

export const listCovers = (states: readonly Cover['state'][]): Promise<Cover[]> =>
  everyPage<Cover>('/covers', new URLSearchParams(states.map((state) => ['state', state])))

/** Those that are over, the latest made first; of years of them, as many as anybody looks through. */
export async function listOverCovers(): Promise<Cover[]> {
  return (await onePage<Cover>('/covers', new URLSearchParams({ state: 'over' }), null, 200)).items
}

export async function makeCover(cover: NewCover): Promise<Cover> {
  return (await authorized('/covers', { method: 'POST', json: cover })) as Cover
}

export async function endCover(id: string): Promise<Cover> {
  return (await authorized(`/covers/${encodeURIComponent(id)}/end`, { method: 'POST' })) as Cover
}

export async function listHeld(coverId: string | null, cursor: string | null): Promise<HeldPage> {
  const query = new URLSearchParams(coverId === null ? {} : { cover_id: coverId })
  return (await onePage('/held', query, cursor, 50)) as HeldPage
}

export const findElders = (name: string): Promise<Page<Elder>> =>
  onePage<Elder>('/elders', new URLSearchParams({ search: name }), null, FOUND)

/** By a part of their id, or by the name of the elder who has them. */
export const findDevices = (text: string): Promise<Page<Device>> =>
  onePage<Device>('/devices', new URLSearchParams({ search: text }), null, FOUND)
