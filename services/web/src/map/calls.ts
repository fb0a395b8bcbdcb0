import type { Named, Severity } from '../api/types'
import { authorized } from '../signin/session'
import type { Datum } from './gcj02'

/** Shapes of `/map`, as far as these pages read them. Positions are WGS 84. */
export interface MapSettings {
  layers: string[]
  subdomains: string[]
  datum: Datum
  attribution: string
  most_zoom: number
  circle_metres: number
}

export interface MapStation {
  id: string
  name: string
  tier: string
  lat: number
  lon: number
  placed: boolean
  elders: number
}

export interface MapResponder {
  id: string
  name: string
  kind: string
  lat: number
  lon: number
  seen_at: string | null
}

export interface MapAlert {
  id: string
  title: string
  severity: Severity
  state: string
  drill: boolean
  raised_at: string
  elder: Named | null
  lat: number
  lon: number
  at_home: boolean
}

export interface CareMap {
  cell: number
  elders: [lat: number, lon: number, elders: number, cared: number][]
  stations: MapStation[]
  responders: MapResponder[]
  alerts: MapAlert[]
  circle: { placed: number; within: number; unplaced: number }
}

interface Spot {
  lat: number
  lon: number
}

const MAP_MS = 30_000

export const getMapSettings = async (): Promise<MapSettings> => (await authorized('/map/settings')) as MapSettings

export async function getMap(organization: string): Promise<CareMap> {
  const query = organization === '' ? '' : `?${new URLSearchParams({ organization_id: organization })}`
  return (await authorized(`/map${query}`, { timeoutMs: MAP_MS })) as CareMap
}

export async function getPosition(elder: string): Promise<{ position: Spot | null; around: Spot | null }> {
  return (await authorized(`/elders/${encodeURIComponent(elder)}/position`)) as { position: Spot | null; around: Spot | null }
}
