import { describe, expect, it } from 'vitest'
import { alert } from '../testing/alert'
import { burstMs, nextBurst, pulses, REPEAT_MS, SILENT, wanted, type Signal, type Sounding } from './schedule'

describe('what is sounded', () => {
  it('red is high, orange and yellow are medium, blue is silent', () => {
    expect(wanted([alert({ severity: 'yellow' }), alert()])).toBe('high')
    expect(wanted([alert({ severity: 'blue' }), alert({ severity: 'orange' })])).toBe('medium')
    expect(wanted([alert({ severity: 'yellow' })])).toBe('medium')
    expect(wanted([alert({ severity: 'blue' })])).toBeNull()
  })

  it('ends when somebody has it, and begins again when the elder pressed again', () => {
    expect(wanted([alert({ state: 'acknowledged' })])).toBeNull()
    expect(wanted([alert({ state: 'dispatched', attention: true })])).toBe('high')
  })
})

/** The bursts of a minute, looked for each 100 ms, as [when, what]. */
function minute(
  alarm: (at: number) => 'high' | 'medium' | null,
  lostAt: number | null = null,
  fresh: (at: number) => boolean = () => false,
): [number, Signal][] {
  const heard: [number, Signal][] = []
  let sounding: Sounding = SILENT
  for (let at = 0; at < 60_000; at += 100) {
    const lostFor = lostAt === null || at < lostAt ? null : at - lostAt
    const next = nextBurst(sounding, alarm(at), lostFor, fresh(at), at)
    sounding = next.sounding
    if (next.burst) heard.push([at, next.burst])
  }
  return heard
}

describe('repeats', () => {
  it('high every 5 s, at once at first', () => {
    expect(minute(() => 'high').map(([at]) => at)).toEqual([...Array(12).keys()].map((n) => n * 5000))
  })

  it('medium every 15 s', () => {
    expect(minute(() => 'medium').map(([at]) => at)).toEqual([0, 15_000, 30_000, 45_000])
  })

  it('nothing when nothing waits, and at once when something does again', () => {
    const heard = minute((at) => (at < 6_000 || at >= 7_000 ? 'medium' : null))
    expect(heard.slice(0, 2)).toEqual([
      [0, 'medium'],
      [7_000, 'medium'],
    ])
  })

  it('news does not wait for its turn', () => {
    expect(minute(() => 'medium', null, (at) => at === 4_000).map(([at]) => at).slice(0, 3)).toEqual([0, 4_000, 19_000])
  })

  it('a worse alarm does not wait for the milder one', () => {
    expect(minute((at) => (at < 3_000 ? 'medium' : 'high')).slice(0, 2)).toEqual([
      [0, 'medium'],
      [3_000, 'high'],
    ])
  })

  it('a lost connection is heard after 10 s, and then every 10 s', () => {
    expect(minute(() => null, 5_000)).toEqual([15_000, 25_000, 35_000, 45_000, 55_000].map((at) => [at, 'lost']))
  })

  it('bursts never overlap, and a lost connection is heard between alarms', () => {
    const heard = minute(() => 'high', 0)
    heard.slice(1).forEach(([at], index) => {
      const [before, signal] = heard[index] as [number, Signal]
      expect(at - before).toBeGreaterThan(burstMs(signal))
    })
    expect(heard.filter(([, signal]) => signal === 'lost').length).toBeGreaterThanOrEqual(4)
    expect(heard.filter(([, signal]) => signal === 'high').length).toBeGreaterThanOrEqual(11)
  })
})

describe('bursts', () => {
  const gaps = (signal: Signal): number[] => {
    const train = pulses(signal)
    return train.slice(1).map((pulse, index) => {
      const before = train[index] as (typeof train)[number]
      return Math.round((pulse.at - before.at - before.length) * 1000)
    })
  }

  it('high: ten pulses of 75–200 ms in two fives', () => {
    const train = pulses('high')
    expect(train).toHaveLength(10)
    train.forEach(({ length }) => expect(length).toBeGreaterThanOrEqual(0.075))
    train.forEach(({ length }) => expect(length).toBeLessThanOrEqual(0.2))
    const [a, b, third, d, middle, ...second] = gaps('high')
    for (const gap of [a, b, d]) expect(gap).toSatisfy((ms: number) => ms >= 50 && ms <= 125)
    expect(third).toBeGreaterThan(125)
    expect(middle).toSatisfy((ms: number) => ms >= 350 && ms <= 1300)
    expect(second).toEqual([a, b, third, d])
  })

  it('medium: three pulses of 125–250 ms, as far apart', () => {
    expect(pulses('medium')).toHaveLength(3)
    for (const { length } of pulses('medium')) expect(length).toSatisfy((s: number) => s >= 0.125 && s <= 0.25)
    for (const gap of gaps('medium')) expect(gap).toSatisfy((ms: number) => ms >= 125 && ms <= 250)
  })

  it('fundamentals are 150–1000 Hz, and there is silence of 2.5 s or more between high bursts', () => {
    for (const signal of ['high', 'medium', 'lost'] as const) {
      for (const { pitch } of pulses(signal)) expect(pitch).toSatisfy((hz: number) => hz >= 150 && hz <= 1000)
    }
    expect(REPEAT_MS.high - burstMs('high')).toBeGreaterThanOrEqual(2_500)
  })
})
