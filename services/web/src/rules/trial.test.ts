import { describe, expect, it } from 'vitest'
import { Failure, unreachable } from '../api/failure'
import type { Trial } from '../api/ruleTypes'
import { builtInRule } from '../testing/rules'
import { periodOf } from './period'
import { createTrying, type TrialServer } from './trial'

const rule = builtInRule('heart_rate_high')
const trial = (changes: Partial<Trial> = {}): Trial => ({
  id: 't1',
  state: 'waiting',
  progress: 0,
  rule,
  from: '2026-11-22T00:00:00+08:00',
  to: '2026-11-23T00:00:00+08:00',
  asked_by: { id: 'p1', name: '系统管理员' },
  asked_at: '2026-11-23T09:00:00+08:00',
  error: null,
  result: null,
  ...changes,
})

/** A server that answers each look with the next of `looks`. */
function server(looks: (Trial | Failure)[], refused?: Failure) {
  const asked: string[] = []
  const it: TrialServer = {
    start: async (_, from, to) => {
      asked.push(`start ${from} ${to}`)
      if (refused) throw refused
      return trial()
    },
    get: async () => {
      asked.push('get')
      const look = looks.shift()
      if (look === undefined || look instanceof Failure) throw look ?? unreachable()
      return look
    },
    stop: async () => void asked.push('stop'),
    pause: async () => undefined,
  }
  return { it, asked }
}

describe('a trial', () => {
  it('is found again after a reload, and forgotten when it is gone', async () => {
    let id: string | null = null
    const kept = { get: () => id, set: (now: string) => void (id = now) }
    const first = createTrying(server([trial({ state: 'running' })]).it, kept)
    const started = first.start(rule, 'a', 'b')
    await Promise.resolve()
    first.leave()
    await started
    expect(id).toBe('t1')
    const again = createTrying(server([trial({ state: 'running' }), trial({ state: 'done' })]).it, kept)
    await again.resume()
    expect(again.shown.trial?.state).toBe('done')
    const gone = createTrying(server([new Failure('refused', 404, '没有')]).it, kept)
    await gone.resume()
    expect(gone.shown).toMatchObject({ trial: null, trouble: '' })
  })

  it('is asked about until it is done', async () => {
    const { it: stub, asked } = server([trial({ state: 'running', progress: 0.4 }), trial({ state: 'done', progress: 1 })])
    const trying = createTrying(stub)
    await trying.start(rule, 'a', 'b')
    expect(trying.shown.trial?.state).toBe('done')
    expect(asked).toEqual(['start a b', 'get', 'get'])
  })

  it('outlives a server that is away for a moment', async () => {
    const trying = createTrying(server([unreachable(), new Failure('refused', 503, '数据库暂时不可用'), trial({ state: 'done' })]).it)
    await trying.start(rule, 'a', 'b')
    expect(trying.shown).toMatchObject({ trial: { state: 'done' }, trouble: '' })
  })

  it('says why there is none', async () => {
    const flawed = new Failure('refused', 422, 'condition.clear：恢复值 125 应小于限值 120')
    const trying = createTrying(server([], flawed).it)
    await trying.start(rule, 'a', 'b')
    expect(trying.shown).toMatchObject({ trial: null, trouble: flawed.detail, busy: false })
  })

  it('that nobody reaches any more is not asked about for ever', async () => {
    const { it: stub, asked } = server([new Failure('refused', 404, '没有找到，或不在您的管辖范围内')])
    const trying = createTrying(stub)
    await trying.start(rule, 'a', 'b')
    expect(trying.shown.trouble).toContain('没有找到')
    expect(asked.filter((each) => each === 'get')).toHaveLength(1)
  })

  it('stops when told, and says what it came to', async () => {
    const { it: stub, asked } = server([trial({ state: 'stopped', progress: 0.3 })])
    let goOn = (): void => undefined
    stub.pause = () => new Promise((resolve) => (goOn = () => resolve(undefined)))
    const trying = createTrying(stub)
    const over = trying.start(rule, 'a', 'b')
    await Promise.resolve()
    await Promise.resolve()
    await trying.stop()
    goOn()
    await over
    expect(asked).toEqual(['start a b', 'stop', 'get'])
    expect(trying.shown.trial).toMatchObject({ state: 'stopped', progress: 0.3 })
  })

  it('goes on at the server while nobody looks, and is found again', async () => {
    const { it: stub, asked } = server([trial({ state: 'running' }), trial({ state: 'done' })])
    const trying = createTrying(stub)
    stub.pause = async () => trying.leave()
    await trying.start(rule, 'a', 'b')
    expect(asked).toEqual(['start a b'])
    stub.pause = async () => undefined
    await trying.resume()
    expect(trying.shown.trial?.state).toBe('done')
  })
})

describe('the period', () => {
  const now = Date.parse('2026-11-23T09:30:45+08:00')
  const none = { from: '', to: '' }

  it('is a whole day in Beijing, or a week up to now', () => {
    expect(periodOf('yesterday', none, now)).toEqual({ from: '2026-11-22T00:00:00+08:00', to: '2026-11-23T00:00:00+08:00' })
    expect(periodOf('week', none, now)).toEqual({ from: '2026-11-16T09:30:00+08:00', to: '2026-11-23T09:30:00+08:00' })
  })

  it('of their own has a beginning and an end that are past and not too far apart', () => {
    expect(periodOf('own', { from: '2026-11-20T00:00', to: '2026-11-21T12:00' }, now)).toEqual({
      from: '2026-11-20T00:00:00+08:00',
      to: '2026-11-21T12:00:00+08:00',
    })
    expect(periodOf('own', none, now)).toBe('请选择开始和结束时间')
    expect(periodOf('own', { from: '2026-11-21T00:00', to: '2026-11-20T00:00' }, now)).toBe('结束应晚于开始')
    expect(periodOf('own', { from: '2026-11-21T00:00', to: '2026-11-24T00:00' }, now)).toBe('只能用已经过去的时间')
    expect(periodOf('own', { from: '2026-10-01T00:00', to: '2026-11-20T00:00' }, now)).toBe('最长 31 天')
  })
})
