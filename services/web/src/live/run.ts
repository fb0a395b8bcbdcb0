import { onScopeDispose, shallowRef } from 'vue'
import { Failure } from '../api/failure'
import type { Alert, Problem, ServerFrame } from '../api/types'
import { accessToken, refresh } from '../signin/session'
import { start, step, type Connection, type Effect, type Input } from './connection'

export interface Listener {
  replace(open: Alert[]): void
  apply(alert: Alert): void
  heartbeat(at: string, problems: Problem[]): void
  askPresence(withinMs: number): void
  signOut(): void
}

/** Finer than the shortest retry. */
const TICK_MS = 250

/** Runs `connection` on a real socket, real timers and real tokens, until the scope that called it ends. */
export function runLive(organizationId: string, listener: Listener) {
  const begun = start(Date.now())
  const connection = shallowRef<Connection>(begun.connection)
  let socket: WebSocket | null = null
  let token = ''
  let over = false

  function feed(input: Input): void {
    if (over) return
    const next = step(connection.value, input, Date.now(), Math.random())
    connection.value = next.connection
    next.effects.forEach(perform)
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'authorize':
        drop()
        void authorize(effect.renew)
        break
      case 'open':
        open()
        break
      case 'hello':
        send({ type: 'hello', token, after: effect.after })
        break
      case 'alive':
        send({ type: 'alive' })
        break
      case 'tell_watching':
        send({ type: 'watching', visible: document.visibilityState === 'visible' })
        break
      case 'ask_presence':
        listener.askPresence(effect.withinMs)
        break
      case 'close':
        drop()
        break
      case 'replace':
        listener.replace(effect.open)
        break
      case 'apply':
        listener.apply(effect.alert)
        break
      case 'heartbeat':
        listener.heartbeat(effect.at, effect.problems)
        break
      case 'sign_out':
        listener.signOut()
        break
    }
  }

  async function authorize(renew: boolean): Promise<void> {
    try {
      token = await (renew ? refresh() : accessToken())
      feed({ kind: 'authorized' })
    } catch (cause) {
      feed({ kind: 'not_authorized', final: cause instanceof Failure && [400, 401, 403].includes(cause.status) })
    }
  }

  function open(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const opened = new WebSocket(`${scheme}://${location.host}/api/v1/stations/${organizationId}/live`)
    socket = opened
    opened.onopen = () => feed({ kind: 'opened' })
    opened.onclose = (event) => {
      if (socket === opened) socket = null
      feed({ kind: 'closed', code: event.code })
    }
    opened.onmessage = (event) => {
      const frame = read(event.data)
      if (frame) feed({ kind: 'frame', frame })
    }
  }

  /** Lets go of the socket: nothing it still says is heard. */
  function drop(): void {
    if (!socket) return
    socket.onopen = socket.onclose = socket.onmessage = null
    socket.close()
    socket = null
  }

  function send(frame: object): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame))
  }

  const wake = (): void => {
    feed({ kind: 'visibility' })
    if (document.visibilityState === 'visible') feed({ kind: 'wake' })
  }
  const timer = setInterval(() => feed({ kind: 'tick' }), TICK_MS)
  window.addEventListener('online', wake)
  document.addEventListener('visibilitychange', wake)
  onScopeDispose(() => {
    over = true
    clearInterval(timer)
    window.removeEventListener('online', wake)
    document.removeEventListener('visibilitychange', wake)
    drop()
  })
  begun.effects.forEach(perform)

  return {
    connection,
    seen: (alertId: string) => send({ type: 'seen', alert_id: alertId }),
    present: () => send({ type: 'present' }),
  }
}

function read(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null
  try {
    const frame = JSON.parse(data) as ServerFrame
    return typeof frame === 'object' && frame !== null && 'type' in frame ? frame : null
  } catch {
    return null
  }
}
