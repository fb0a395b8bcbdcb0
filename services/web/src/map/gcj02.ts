/**
 * WGS 84 and GCJ-02, the datum of Chinese maps: the published approximation on the Krasovsky 1940 ellipsoid. The server
 * does the same (gateway/decoders/datum.py), and both are held against the same vectors.
 */
export type Place = readonly [lat: number, lon: number]
export type Datum = 'wgs84' | 'gcj02'

const A = 6378245
const E2 = 0.00669342162296594323
const { PI, abs, cos, sin, sqrt } = Math

const inside = ([lat, lon]: Place): boolean => lat >= 0.8293 && lat <= 55.8271 && lon >= 72.004 && lon <= 137.8347

/** Degrees north and east by which GCJ-02 lies off. */
function shift([lat, lon]: Place): Place {
  const x = lon - 105
  const y = lat - 35
  const wave = 20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
  north += ((wave + 20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * 2) / 3
  north += ((160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
  east += ((wave + 20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * 2) / 3
  east += ((150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3
  const phi = (lat / 180) * PI
  const magic = 1 - E2 * sin(phi) ** 2
  return [(north * 180) / (((A * (1 - E2)) / (magic * sqrt(magic))) * PI), (east * 180) / ((A / sqrt(magic)) * cos(phi) * PI)]
}

export function wgs84ToGcj02(place: Place): Place {
  if (!inside(place)) return place
  const [north, east] = shift(place)
  return [place[0] + north, place[1] + east]
}

export function gcj02ToWgs84(place: Place): Place {
  if (!inside(place)) return place
  let guess = place
  for (let round = 0; round < 6; round++) {
    const [north, east] = shift(guess)
    guess = [place[0] - north, place[1] - east]
  }
  return guess
}

/** Where a place stands on tiles of a datum, and back. */
export const onTiles = (place: Place, datum: Datum): Place => (datum === 'gcj02' ? wgs84ToGcj02(place) : place)
export const fromTiles = (place: Place, datum: Datum): Place => (datum === 'gcj02' ? gcj02ToWgs84(place) : place)
