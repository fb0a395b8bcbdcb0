/** What a map without tiles is drawn by. Pure. */

export type Point = readonly [x: number, y: number]

/** The outline around points (Andrew's monotone chain), without its end repeated. */
export function hull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((one, other) => one[0] - other[0] || one[1] - other[1])
  if (sorted.length < 3) return sorted
  const half = (all: readonly Point[]): Point[] => {
    const found: Point[] = []
    for (const point of all) {
      while (found.length > 1 && turn(found[found.length - 2] as Point, found[found.length - 1] as Point, point) <= 0) found.pop()
      found.push(point)
    }
    found.pop()
    return found
  }
  return [...half(sorted), ...half(sorted.reverse())]
}

const turn = (a: Point, b: Point, c: Point): number => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

export interface Heap {
  x: number
  y: number
  elders: number
  cared: number
}

/** Cells by pixels: what would lie upon each other is one heap with a number, in the middle of what it holds. */
export function heaps(xs: Float64Array, ys: Float64Array, elders: Float64Array, cared: Float64Array, scale: number, side: number, box: readonly [number, number, number, number]): Heap[] {
  const found = new Map<number, Heap>()
  const [left, top, right, bottom] = box
  for (let at = 0; at < xs.length; at++) {
    const x = (xs[at] as number) * scale
    const y = (ys[at] as number) * scale
    if (x < left || x > right || y < top || y > bottom) continue
    const key = Math.floor(x / side) * 67_108_864 + Math.floor(y / side)
    const weight = elders[at] as number
    const heap = found.get(key)
    if (heap === undefined) {
      found.set(key, { x, y, elders: weight, cared: cared[at] as number })
    } else {
      const sum = heap.elders + weight
      heap.x += ((x - heap.x) * weight) / sum
      heap.y += ((y - heap.y) * weight) / sum
      heap.elders = sum
      heap.cared += cared[at] as number
    }
  }
  return [...found.values()]
}

/** The step of a grid whose lines are at least so many apart: 1, 2 or 5 of some power of ten. */
export function step(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const found = [1, 2, 5, 10].find((each) => each * power >= least * 0.999999)
  return (found ?? 10) * power
}
