import { describe, expect, it } from 'vitest'
import type { FenceDefinition } from '../api/fenceCalls'
import { drawnOf, hoursWords, metresFrom, nothingTyped, pointAt, scaleOf, sentOf, typedOf } from './fence'

const CIRCLE: FenceDefinition = {
  name: '家附近',
  keep: 'keep_in',
  shape: { kind: 'circle', centre: { lat: 29.707, lon: 105.722 }, radius: 300 },
  hours: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: '20:00', to: '06:00' }],
}
const POND: FenceDefinition = {
  name: '池塘（虚构）',
  keep: 'keep_out',
  shape: { kind: 'polygon', points: [{ lat: 29.71, lon: 105.72 }, { lat: 29.712, lon: 105.72 }, { lat: 29.711, lon: 105.724 }] },
}

describe('a fence', () => {
  it.each([CIRCLE, POND])('is sent as it was when nothing is typed', (fence) => {
    expect(sentOf({ ...typedOf(fence), reason: '核对' })).toEqual({ fence, datum: 'wgs84', reason: '核对' })
  })

  it('is taken as it is typed, in whatever digits; what is no number is for the server to refuse', () => {
    const typed = { ...nothingTyped(), name: ' 家 ', lat: '２９.707', lon: '东边', reason: '家属要求' }
    expect(sentOf(typed).fence).toMatchObject({ name: '家', shape: { centre: { lat: 29.707, lon: '东边' }, radius: 300 } })
    const corners = { ...typed, kind: 'polygon' as const, corners: '29.71，105.72\n\n29.712 105.72\n' }
    expect(sentOf(corners).fence).toMatchObject({ shape: { points: [{ lat: 29.71, lon: 105.72 }, { lat: 29.712, lon: 105.72 }] } })
  })

  it('keeps hours for which the form has no place', () => {
    const hours = [...(CIRCLE.hours ?? []), { weekdays: [6, 7], from: '12:00', to: '14:00' }]
    expect(sentOf(typedOf(CIRCLE), hours).fence).toMatchObject({ hours })
    expect(hoursWords({ ...CIRCLE, hours })).toBe('每天 20:00–06:00；周六、日 12:00–14:00')
  })

  it('is drawn in metres around its middle', () => {
    expect(drawnOf(CIRCLE.shape)).toEqual({ middle: { lat: 29.707, lon: 105.722 }, reach: 375, radius: 300, corners: [] })
    expect(drawnOf({ kind: 'circle', centre: { lat: NaN, lon: 1 }, radius: 5 })).toBeNull()
    const middle = { lat: 29.707, lon: 105.722 }
    const point = pointAt(middle, 120, -80)
    const [east, south] = metresFrom(middle, point)
    expect(Math.abs(east - 120) + Math.abs(south + 80)).toBeLessThan(0.3)
    expect([scaleOf(375), scaleOf(5000)]).toEqual([100, 2000])
  })
})
