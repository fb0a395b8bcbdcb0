import { describe, expect, it } from 'vitest'
import { dated, heard, offset, UNKNOWN_CLOCK, type ServerClock } from './serverClock'

describe('the server clock', () => {
  it('is the local clock until something is known', () => {
    expect(offset(UNKNOWN_CLOCK)).toBe(0)
  })

  it('takes the quickest of the last heartbeats', () => {
    let clock: ServerClock = UNKNOWN_CLOCK
    // The server is 60,000 ms ahead; latencies as given.
    for (const [n, latency] of [80, 12, 300].entries()) clock = heard(clock, 60_000 + n * 1000, n * 1000 + latency)
    expect(offset(clock)).toBe(60_000 - 12)
  })

  it('forgets a quick one after some time, so that drift is followed', () => {
    let clock = heard(UNKNOWN_CLOCK, 1_000, 0)
    for (let n = 0; n < 8; n++) clock = heard(clock, 500, 0)
    expect(offset(clock)).toBe(500)
  })

  it('starts anew when a clock was set', () => {
    const before = heard(heard(UNKNOWN_CLOCK, 1_000, 1_000), 2_000, 2_000)
    expect(offset(heard(before, 3_000, 3_603_000))).toBe(-3_600_000)
  })

  it('begins with the date of an answer, and drops it for the first heartbeat', () => {
    const rough = dated(UNKNOWN_CLOCK, 100_000, 0, 200)
    expect(offset(rough)).toBe(100_400)
    const precise = heard(rough, 100_000, 0)
    expect(offset(precise)).toBe(100_000)
    expect(dated(precise, 900_000, 0, 0)).toBe(precise)
  })
})
