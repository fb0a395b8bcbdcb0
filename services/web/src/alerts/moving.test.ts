import { describe, expect, it } from 'vitest'
import { Failure, unreachable } from '../api/failure'
import type { Alert, Move } from '../api/types'
import { alert } from '../testing/alert'
import { createMoving, type MoveServer } from './moving'

/** A server that answers each post with the next of `answers`; a clock that only pauses move. */
function server(answers: (Alert | Failure)[], current = alert()) {
  let clock = 0
  const posts: [string, Move, Record<string, unknown>][] = []
  const pauses: number[] = []
  const it: MoveServer = {
    post: async (...call) => {
      posts.push(call)
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      if (answer instanceof Failure || answer === undefined) throw answer ?? unreachable()
      return answer
    },
    get: async () => current,
    now: () => clock,
    pause: async (ms) => {
      pauses.push(ms)
      clock += ms
    },
  }
  return { it, posts, pauses }
}

const learned: Alert[] = []
const learn = (what: Alert): void => void learned.push(what)

describe('a move', () => {
  it('is sent again with the same body until it is answered', async () => {
    const body = { responder: '陈刚', eta_minutes: 8 }
    const dispatched = alert({ state: 'dispatched', version: 2 })
    const away = server([unreachable(), new Failure('refused', 503, '数据库暂时不可用'), dispatched])
    const moving = createMoving(away.it, learn)
    expect(await moving.make('a1', 'dispatch', body)).toEqual({ done: true })
    expect(away.posts).toEqual(Array(3).fill(['a1', 'dispatch', body]))
    expect(away.pauses).toEqual([500, 1000])
    expect(learned.at(-1)).toBe(dispatched)
  })

  it('is not done before the server says so, and only one of an alert is on its way', async () => {
    let answer: (what: Alert) => void = () => undefined
    const slow: MoveServer = { ...server([alert()]).it, post: () => new Promise((resolve) => (answer = resolve)) }
    const moving = createMoving(slow, learn)
    const first = moving.make('a1', 'acknowledge', {})
    expect(moving.inFlight.get('a1')).toEqual({ move: 'acknowledge', attempt: 1 })
    expect(await moving.make('a1', 'acknowledge', {})).toMatchObject({ done: false })
    answer(alert({ state: 'acknowledged' }))
    expect(await first).toEqual({ done: true })
    expect(moving.inFlight.size).toBe(0)
  })

  it('that is refused says the reason in the words of the server, and shows what is true', async () => {
    const taken = alert({ state: 'acknowledged', version: 2, holder: { id: 'u2', name: '王芳' } })
    const late = server([new Failure('refused', 409, '王芳已经接警')], taken)
    const moving = createMoving(late.it, learn)
    expect(await moving.make('a1', 'acknowledge', {})).toEqual({ done: false, message: '王芳已经接警', conflict: true })
    expect(late.posts).toHaveLength(1)
    expect(learned.at(-1)).toBe(taken)
  })

  it('without any answer for two minutes tells the person', async () => {
    const dead = server([unreachable()])
    const result = await createMoving(dead.it, learn).make('a1', 'arrive', {})
    expect(result).toMatchObject({ done: false, conflict: false })
    expect(result.done || result.message).toContain('没有送到')
    const waited = dead.pauses.reduce((sum, ms) => sum + ms, 0)
    expect(waited).toBeGreaterThan(120_000)
    expect(waited).toBeLessThan(130_000)
  })
})
