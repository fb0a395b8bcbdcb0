/** A fence as it is typed, as it is sent, and as it is drawn: metres east and south of its middle. Pure. */
import type { Datum, FenceDefinition, FenceSent, Point, Shape } from '../api/fenceCalls'

export interface Typed {
  name: string
  keep: 'keep_in' | 'keep_out'
  kind: 'circle' | 'polygon'
  lat: string
  lon: string
  radius: string
  /** a corner a line: latitude, longitude */
  corners: string
  always: boolean
  from: string
  to: string
  weekdays: number[]
  datum: Datum
  reason: string
}

const METRES_A_DEGREE = 111_195.08
export const WEEKDAYS = ['一', '二', '三', '四', '五', '六', '日'] as const

export const nothingTyped = (): Typed => ({
  name: '',
  keep: 'keep_in',
  kind: 'circle',
  lat: '',
  lon: '',
  radius: '300',
  corners: '',
  always: true,
  from: '20:00',
  to: '06:00',
  weekdays: [1, 2, 3, 4, 5, 6, 7],
  datum: 'gcj02',
  reason: '',
})

/** What is there is in WGS 84, whatever map it was drawn on. */
export function typedOf(fence: FenceDefinition): Typed {
  const { shape, hours } = fence
  const [first] = hours ?? []
  const typed = { ...nothingTyped(), name: fence.name, keep: fence.keep, kind: shape.kind, datum: 'wgs84' as Datum, always: !first }
  if (shape.kind === 'circle') Object.assign(typed, { lat: String(shape.centre.lat), lon: String(shape.centre.lon), radius: String(shape.radius) })
  else typed.corners = shape.points.map(({ lat, lon }) => `${lat}, ${lon}`).join('\n')
  if (first) Object.assign(typed, { from: first.from, to: first.to, weekdays: [...first.weekdays] })
  return typed
}

/** More than one stretch of hours has no place in the form: they stay as they are unless others are typed. */
export const manyHours = (fence: FenceDefinition | null): boolean => (fence?.hours?.length ?? 0) > 1

const plain = (text: string): string => text.normalize('NFKC').trim()
/** What is no number stays as it was typed, so that the server says what is wrong with it. */
const number = (text: string): number | string => {
  const value = plain(text)
  return value !== '' && Number.isFinite(Number(value)) ? Number(value) : value
}
const pointOf = (line: string): Point => {
  const [lat = '', lon = ''] = plain(line).split(/[,，\s]+/)
  return { lat: number(lat), lon: number(lon) } as Point
}

export function shapeOf(typed: Typed): Shape {
  if (typed.kind === 'circle') {
    return { kind: 'circle', centre: { lat: number(typed.lat), lon: number(typed.lon) } as Point, radius: number(typed.radius) as number }
  }
  return { kind: 'polygon', points: typed.corners.split('\n').filter((line) => line.trim()).map(pointOf) }
}

export function sentOf(typed: Typed, kept: FenceDefinition['hours'] = undefined): FenceSent {
  const own = typed.always ? undefined : [{ weekdays: [...typed.weekdays].sort(), from: plain(typed.from), to: plain(typed.to) }]
  const hours = kept ?? own
  const fence = { name: typed.name.trim(), keep: typed.keep, shape: shapeOf(typed), ...(hours ? { hours } : {}) }
  return { fence, datum: typed.datum, reason: typed.reason.trim() }
}

export interface Drawn {
  middle: Point
  /** metres from the middle to the edge of the picture */
  reach: number
  radius: number | null
  /** metres east and south */
  corners: [number, number][]
}

const known = ({ lat, lon }: Point): boolean => Number.isFinite(lat) && Number.isFinite(lon) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180

/** Null when there is nothing yet to be drawn. */
export function drawnOf(shape: Shape): Drawn | null {
  const points = (shape.kind === 'circle' ? [shape.centre] : shape.points).filter(known)
  if (points.length === 0) return null
  const mean = (of: (point: Point) => number): number => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const middle = { lat: mean((point) => point.lat), lon: mean((point) => point.lon) }
  const corners = points.map((point): [number, number] => metresFrom(middle, point))
  const radius = shape.kind === 'circle' && Number.isFinite(shape.radius) ? shape.radius : null
  const far = Math.max(radius ?? 0, 100, ...corners.map(([east, south]) => Math.hypot(east, south)))
  return { middle, reach: far * 1.25, radius, corners: shape.kind === 'circle' ? [] : corners }
}

export function metresFrom(middle: Point, point: Point): [number, number] {
  const east = (point.lon - middle.lon) * METRES_A_DEGREE * Math.cos((middle.lat * Math.PI) / 180)
  return [east, (middle.lat - point.lat) * METRES_A_DEGREE]
}

/** To a tenth of a metre, or so. */
export function pointAt(middle: Point, east: number, south: number): Point {
  const lon = middle.lon + east / METRES_A_DEGREE / Math.cos((middle.lat * Math.PI) / 180)
  return { lat: Number((middle.lat - south / METRES_A_DEGREE).toFixed(6)), lon: Number(lon.toFixed(6)) }
}

/** A round number of metres that is about a quarter of the picture. */
export function scaleOf(reach: number): number {
  const wanted = reach / 2
  const size = 10 ** Math.floor(Math.log10(wanted))
  return [5, 2, 1].map((step) => step * size).find((step) => step <= wanted) ?? size
}

export function hoursWords(fence: FenceDefinition): string {
  if (!fence.hours?.length) return '全天'
  return fence.hours
    .map(({ weekdays, from, to }) => `${weekdays.length === 7 ? '每天' : `周${weekdays.map((day) => WEEKDAYS[day - 1]).join('、')}`} ${from}–${to}`)
    .join('；')
}

export function shapeWords(shape: Shape): string {
  return shape.kind === 'circle' ? `圆形，半径 ${shape.radius} 米` : `多边形，${shape.points.length} 个角`
}
export const keepWord = (keep: string): string => (keep === 'keep_in' ? '不应离开' : '不应进入')
