import { describe, expect, it } from 'vitest'
import { coverOf, KINDS, lastings, nothingWanted, targetsOf, type Wanted } from './wanted'

const NOW = Date.parse('2026-11-23T09:30:45+08:00')
const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
  ...nothingWanted(),
  elder: { id: 'e1', name: '张桂兰' },
  reason: ' 家属陪同就医 ',
  ...changes,
})

describe('a cover that somebody wants', () => {
  it('begins now, and ends a moment before the server would call it too long', () => {
    expect(coverOf(wanted({ hours: 8 }), NOW)).toEqual({
      kind: 'silence',
      elder_id: 'e1',
      reason: '家属陪同就医',
      ends_at: '2026-11-23T17:30:40+08:00',
    })
  })

  it('may be planned, with an end of its own', () => {
    const planned = wanted({ starts: '2026-11-24T08:00', hours: null, ends: '2026-11-25T18:30', kind: 'hospital' })
    expect(coverOf(planned, NOW)).toMatchObject({
      kind: 'hospital',
      starts_at: '2026-11-24T08:00:00+08:00',
      ends_at: '2026-11-25T18:30:00+08:00',
    })
    expect(coverOf({ ...planned, hours: 4 }, NOW)).toMatchObject({ ends_at: '2026-11-24T12:00:00+08:00' })
  })

  it('lies over what was chosen and nothing that was chosen before', () => {
    const all = wanted({ devices: ['w1', 'w2'], organizationId: 'o1', types: ['rule.heart_rate_high'] })
    expect(coverOf({ ...all, kind: 'maintenance', target: 'devices' }, NOW)).toEqual({
      kind: 'maintenance',
      device_ids: ['w1', 'w2'],
      reason: '家属陪同就医',
      ends_at: '2026-11-23T10:30:40+08:00',
    })
    expect(coverOf({ ...all, target: 'organization' }, NOW)).toMatchObject({ organization_id: 'o1', types: ['rule.heart_rate_high'] })
    expect(coverOf({ ...all, target: 'organization' }, NOW)).not.toHaveProperty('elder_id')
  })

  it.each([
    [{ elder: null }, '请选择老人'],
    [{ target: 'devices' as const }, '请选择设备'],
    [{ target: 'organization' as const }, '请选择机构'],
    [{ reason: '  ' }, '请填写原因'],
    [{ hours: null }, '请选择结束时间'],
  ])('is not sent while something is missing: %o', (changes, words) => {
    expect(coverOf(wanted(changes), NOW)).toBe(words)
  })
})

it('every kind lies over something, and a shift is all that an operator may', () => {
  for (const { kind } of KINDS) expect(targetsOf(kind).length).toBeGreaterThan(0)
  expect(lastings('operator').map(({ hours }) => hours)).toEqual([1, 4, 8])
  expect(lastings('administrator').at(-1)?.hours).toBe(720)
})
