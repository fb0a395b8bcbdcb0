import { expect, it } from 'vitest'
import type { DeviceEvent } from '../api/types'
import { peakAcceleration, remarks } from './deviceSaid'

const event: DeviceEvent = {
  event_id: 'ev1',
  type: 'fall',
  occurred_at: '2026-11-22T11:20:03+08:00',
  received_at: '2026-11-22T11:20:03+08:00',
  device_ts: null,
  clock_suspect: false,
  late_seconds: 0,
  event_id_reused: false,
  battery: 80,
  location: null,
  detail: null,
  cancelled: false,
  flaws: [],
}

it('says nothing of an event that is as it should be', () => {
  expect(remarks(event)).toEqual([])
})

it('says everything that is odd', () => {
  const odd = {
    ...event,
    cancelled: true,
    clock_suspect: true,
    device_ts: '1970-01-01T00:00:00Z',
    event_id_reused: true,
    flaws: [{ field: 'battery', reason: 'out of range' }],
    detail: { key: 'long_press' },
  }
  expect(remarks(odd)).toEqual([
    '本人已按取消',
    '设备时钟不准（设备自报 1970-01-01T00:00:00Z），以收到时间为准',
    '设备重复使用了编号，按新的一次处理',
    '未能读出：电量',
    'key：long_press',
  ])
})

it('gives the peak of what a fall detector felt, in g, and not the samples', () => {
  const acceleration = { rate_hz: 50, unit: 'm/s2', samples: [[0, 0, 9.80665], [0, 19.6133, 0], [1, 2]] }
  expect(peakAcceleration(acceleration)).toBeCloseTo(2)
  expect(peakAcceleration({ unit: 'g', samples: [[0, 3, 0]] })).toBeCloseTo(3)
  expect(remarks({ ...event, detail: { acceleration } })).toEqual(['撞击峰值 2.0 g'])
})

it('is not misled by samples that are none', () => {
  for (const wrong of [null, 3, {}, { samples: 'x' }, { samples: [] }, { samples: [['a']] }]) {
    expect(peakAcceleration(wrong)).toBeNull()
  }
})
