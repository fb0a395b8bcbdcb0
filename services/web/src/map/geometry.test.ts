import { expect, it } from 'vitest'
import vectors from '../../../../tests/data/gcj02_vectors.json'
import { gcj02ToWgs84, wgs84ToGcj02, type Place } from './gcj02'
import { heaps, hull, step, type Point } from './geometry'

it.each(vectors.vectors.map((one) => [one.wgs84.join(' '), one] as const))('%s is shifted as the others do, there and back', (_, one) => {
  const [lat, lon] = wgs84ToGcj02(one.wgs84 as unknown as Place)
  // A centimetre is about 9e-8 of a degree.
  expect(Math.abs(lat - (one.gcj02[0] as number))).toBeLessThan(2e-7)
  expect(Math.abs(lon - (one.gcj02[1] as number))).toBeLessThan(2e-7)
  const back = gcj02ToWgs84([lat, lon])
  expect(Math.abs(back[0] - (one.wgs84[0] as number)) + Math.abs(back[1] - (one.wgs84[1] as number))).toBeLessThan(2e-7)
})

it('outside of China nothing is shifted', () => {
  expect(wgs84ToGcj02([48.85, 2.35])).toEqual([48.85, 2.35])
})

it('an outline has what is outermost', () => {
  const square: Point[] = [[0, 0], [2, 0], [2, 2], [0, 2]]
  expect(hull([...square, [1, 1], [1, 0]]).sort()).toEqual([...square].sort())
  expect(hull([[1, 1]])).toEqual([[1, 1]])
})

it('heaps lose nobody that is in the box', () => {
  const of = (values: number[]): Float64Array => Float64Array.from(values)
  const found = heaps(of([1, 1.1, 50, 900]), of([1, 1, 1, 1]), of([3, 1, 5, 7]), of([1, 1, 0, 0]), 2, 40, [0, 0, 500, 500])
  expect(found.map(({ elders, cared }) => [elders, cared])).toEqual([[4, 2], [5, 0]])
  expect(found[0]?.x).toBeCloseTo(2.05)
})

it('a grid has round steps', () => {
  expect([0.7, 1, 3, 0.012, 60].map(step).map((each) => Number(each.toPrecision(3)))).toEqual([1, 1, 5, 0.02, 100])
})
