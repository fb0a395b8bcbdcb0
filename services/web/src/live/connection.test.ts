import { describe, expect, it } from 'vitest'
import { alert } from '../testing/alert'
import { GREETING_MS, retryDelay, SILENCE_MS, start, step, type Connection, type Effect, type Input } from './connection'

/** Drives a connection through inputs at given times, and keeps what it wanted done. */
function drive() {
  let connection: Connection = start(0).connection
  return {
    get now() {
      return connection
    },
    feed(input: Input, at: number): Effect[] {
      const next = step(connection, input, at, 0)
      connection = next.connection
      return next.effects
    },
    /** From the beginning to a welcome with this seq, at time 0. */
    live(seq: number) {
      this.feed({ kind: 'authorized' }, 0)
      this.feed({ kind: 'opened' }, 0)
      this.feed({ kind: 'frame', frame: { type: 'welcome', seq, open: [], resumed: false } }, 0)
      return this
    },
    alert(seq: number, at: number): Effect[] {
      return this.feed({ kind: 'frame', frame: { type: 'alert', seq, alert: alert() } }, at)
    },
    /** Through authorisation and opening again, until the hello. */
    greet(at: number): Effect[] {
      this.feed({ kind: 'authorized' }, at)
      return this.feed({ kind: 'opened' }, at)
    },
  }
}

describe('connecting', () => {
  it('fetches a token, opens, says hello for everything, and shows what is open', () => {
    expect(start(0).effects).toEqual([{ do: 'authorize', renew: false }])
    const link = drive()
    expect(link.feed({ kind: 'authorized' }, 1)).toEqual([{ do: 'open' }])
    expect(link.feed({ kind: 'opened' }, 2)).toEqual([{ do: 'hello', after: 0 }])
    const open = [alert()]
    expect(link.feed({ kind: 'frame', frame: { type: 'welcome', seq: 7, open, resumed: false } }, 3)).toEqual([
      { do: 'replace', open },
      { do: 'tell_watching' },
    ])
    expect(link.now).toMatchObject({ phase: 'live', seq: 7, lostSince: null, everLive: true })
  })

  it('says whether the page is in front, and hands on the question whether somebody is there', () => {
    const link = drive()
    expect(link.feed({ kind: 'visibility' }, 1)).toEqual([])
    link.live(4)
    expect(link.feed({ kind: 'visibility' }, 5)).toEqual([{ do: 'tell_watching' }])
    expect(link.feed({ kind: 'frame', frame: { type: 'presence_check', answer_within_seconds: 120 } }, 6)).toEqual([
      { do: 'ask_presence', withinMs: 120_000 },
    ])
  })

  it('counts the time before the first welcome as not knowing', () => {
    expect(start(5).connection.lostSince).toBe(5)
  })

  it('gives up on a server that does not open or does not welcome', () => {
    for (const inputs of [[{ kind: 'authorized' }], [{ kind: 'authorized' }, { kind: 'opened' }]] as Input[][]) {
      const link = drive()
      inputs.forEach((input) => link.feed(input, 0))
      expect(link.feed({ kind: 'tick' }, GREETING_MS)).toEqual([])
      expect(link.feed({ kind: 'tick' }, GREETING_MS + 1)).toEqual([{ do: 'close' }])
      expect(link.now.phase).toBe('waiting')
    }
  })

  it('waits and tries again when the token could not be fetched, and signs out when it was refused', () => {
    const link = drive()
    expect(link.feed({ kind: 'not_authorized', final: false }, 0)).toEqual([])
    expect(link.now.phase).toBe('waiting')
    const refused = drive()
    expect(refused.feed({ kind: 'not_authorized', final: true }, 0)).toEqual([{ do: 'sign_out' }])
    expect(refused.now.phase).toBe('signed_out')
  })
})

describe('frames', () => {
  it('are shown in order, and move seq', () => {
    const link = drive().live(4)
    expect(link.alert(5, 1)).toEqual([{ do: 'apply', alert: alert() }])
    expect(link.now.seq).toBe(5)
  })

  it('that come twice are shown again but do not move seq back', () => {
    const link = drive().live(4)
    expect(link.alert(3, 1)).toEqual([{ do: 'apply', alert: alert() }])
    expect(link.now).toMatchObject({ phase: 'live', seq: 4 })
  })

  it('with a gap before them are shown, and everything is asked for anew', () => {
    const link = drive().live(4)
    expect(link.alert(6, 10)).toEqual([
      { do: 'apply', alert: alert() },
      { do: 'close' },
      { do: 'authorize', renew: false },
    ])
    expect(link.now).toMatchObject({ lostSince: 10 })
    expect(link.greet(11)).toEqual([{ do: 'hello', after: 0 }])
  })

  it('heartbeats are answered and passed on with their problems', () => {
    const link = drive().live(4)
    const problems = [{ code: 'gateway_silent', message: '网关没有消息' }]
    expect(link.feed({ kind: 'frame', frame: { type: 'heartbeat', at: 't', problems } }, 1)).toEqual([
      { do: 'alive' },
      { do: 'heartbeat', at: 't', problems },
    ])
    expect(link.feed({ kind: 'frame', frame: { type: 'heartbeat', at: 't' } }, 2)[1]).toEqual({
      do: 'heartbeat',
      at: 't',
      problems: [],
    })
  })

  it('of an unknown type are a sign of life', () => {
    const link = drive().live(4)
    expect(link.feed({ kind: 'frame', frame: { type: 'weather' } as never }, 20_000)).toEqual([])
    expect(link.feed({ kind: 'tick' }, 20_000 + SILENCE_MS)).toEqual([])
    expect(link.now.phase).toBe('live')
  })
})

describe('a lost connection', () => {
  it('is noticed by silence, and dated from the last frame', () => {
    const link = drive().live(4)
    link.alert(5, 1_000)
    expect(link.feed({ kind: 'tick' }, 1_000 + SILENCE_MS)).toEqual([])
    expect(link.feed({ kind: 'tick' }, 1_001 + SILENCE_MS)).toEqual([{ do: 'close' }])
    expect(link.now).toMatchObject({ phase: 'waiting', lostSince: 1_000 })
  })

  it('resumes after the last seq, and the time it was lost runs on over failed tries', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 1006 }, 100)
    expect(link.feed({ kind: 'tick' }, 599)).toEqual([])
    expect(link.feed({ kind: 'tick' }, 600)).toEqual([{ do: 'authorize', renew: false }])
    link.feed({ kind: 'authorized' }, 610)
    link.feed({ kind: 'closed', code: 1006 }, 620)
    expect(link.now).toMatchObject({ phase: 'waiting', lostSince: 100, failures: 2 })
    link.feed({ kind: 'tick' }, 5_000)
    expect(link.greet(5_001)).toEqual([{ do: 'hello', after: 4 }])
    expect(link.feed({ kind: 'frame', frame: { type: 'welcome', seq: 4, open: [], resumed: true } }, 5_002)).toEqual([
      { do: 'tell_watching' },
    ])
    expect(link.now).toMatchObject({ phase: 'live', seq: 4, failures: 0, lostSince: null })
    expect(link.alert(5, 5_003)).toHaveLength(1)
  })

  it('that the server does not resume replaces the list', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 1012 }, 0)
    link.feed({ kind: 'wake' }, 1)
    link.greet(2)
    const open = [alert({ id: 'a9' })]
    expect(link.feed({ kind: 'frame', frame: { type: 'welcome', seq: 2, open, resumed: false } }, 3)).toEqual([
      { do: 'replace', open },
      { do: 'tell_watching' },
    ])
    expect(link.now.seq).toBe(2)
  })

  it('that resumes elsewhere than asked is not believed', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 1012 }, 0)
    link.feed({ kind: 'wake' }, 1)
    link.greet(2)
    const effects = link.feed({ kind: 'frame', frame: { type: 'welcome', seq: 9, open: [], resumed: true } }, 3)
    expect(effects).toEqual([{ do: 'close' }, { do: 'authorize', renew: false }])
    expect(link.now.seq).toBe(0)
  })

  it('is tried at once when the network or the page comes back', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 1006 }, 0)
    expect(link.feed({ kind: 'wake' }, 1)).toEqual([{ do: 'authorize', renew: false }])
  })

  it('is noticed although the clock was set back', () => {
    const link = drive().live(4)
    link.alert(5, 3_600_000)
    expect(link.feed({ kind: 'tick' }, 1_000)).toEqual([])
    expect(link.feed({ kind: 'tick' }, 1_001 + SILENCE_MS)).toEqual([{ do: 'close' }])
  })
})

describe('close codes', () => {
  it('4401 renews the token once, then signs out', () => {
    const link = drive().live(4)
    expect(link.feed({ kind: 'closed', code: 4401 }, 0)).toEqual([{ do: 'authorize', renew: true }])
    link.greet(1)
    expect(link.feed({ kind: 'closed', code: 4401 }, 2)).toEqual([{ do: 'sign_out' }])
  })

  it('4401 long after a renewal that worked renews again', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 4401 }, 0)
    link.greet(1)
    link.feed({ kind: 'frame', frame: { type: 'welcome', seq: 4, open: [], resumed: true } }, 2)
    expect(link.feed({ kind: 'closed', code: 4401 }, 3)).toEqual([{ do: 'authorize', renew: true }])
  })

  it('4401 is no reason to sign out when the new token could not be fetched', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 4401 }, 0)
    link.feed({ kind: 'not_authorized', final: false }, 1)
    link.feed({ kind: 'tick' }, 1_000)
    link.greet(1_001)
    expect(link.feed({ kind: 'closed', code: 4401 }, 1_002)).toEqual([{ do: 'authorize', renew: true }])
  })

  it('4403 stops: another station has to be chosen', () => {
    const link = drive().live(4)
    expect(link.feed({ kind: 'closed', code: 4403 }, 0)).toEqual([])
    expect(link.now.phase).toBe('refused')
    expect(link.feed({ kind: 'tick' }, 3_600_000)).toEqual([])
    expect(link.feed({ kind: 'wake' }, 3_600_000)).toEqual([])
  })

  it('4408 reconnects and resumes', () => {
    const link = drive().live(4)
    link.feed({ kind: 'closed', code: 4408 }, 0)
    link.feed({ kind: 'tick' }, 500)
    expect(link.greet(501)).toEqual([{ do: 'hello', after: 4 }])
  })
})

describe('the pause before a retry', () => {
  it('doubles from half a second to five seconds, with up to 30 % more', () => {
    expect([0, 1, 2, 3, 4, 50].map((failures) => retryDelay(failures, 0))).toEqual([500, 1000, 2000, 4000, 5000, 5000])
    expect(retryDelay(0, 0.999)).toBeGreaterThan(640)
    expect(retryDelay(0, 0.999)).toBeLessThan(650)
  })
})
