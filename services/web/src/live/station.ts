import { computed, inject, onScopeDispose, provide, reactive, ref, shallowRef, watch, type InjectionKey } from 'vue'
import { createBoard, type Heard } from '../alerts/board'
import { followSelected } from '../alerts/detail'
import { nextMove } from '../alerts/moves'
import { createMoving, type MoveResult } from '../alerts/moving'
import { getAlert, listResolved, postMove } from '../api/calls'
import type { Alert, Me, Move, Organization, Problem } from '../api/types'
import { expire } from '../signin/session'
import { runAlarm } from '../sound/alarm'
import { hearHeartbeat, serverNow } from '../time/now'
import { announceNews, hush } from '../ui/announcer'
import { caughtUp, known, type CaughtUp, type Known } from './caughtUp'
import { runLive } from './run'
import { watchSeen } from './seen'
import { selectionAfter } from './selection'
import { narrow } from '../ui/viewport'

/** 刚处置 goes back one shift. */
const SHIFT_MS = 12 * 3600_000
const CLOSED_ASKED = 30
/** After a return the missed frames follow the welcome at once; those that come later are new. */
const CATCH_UP_MS = 1_500
/** When what the big button does has changed by itself, a finger on its way down must not hit the new meaning. */
const UNSTEADY_MS = 700

export interface Returned extends CaughtUp {
  lostForMs: number
}

export type Station = ReturnType<typeof openStation>
const KEY: InjectionKey<Station> = Symbol('station')

/** Everything one station screen knows and does; ends with the component that opened it. */
export function openStation(organization: Organization, me: Me) {
  const board = createBoard()
  const selectedId = ref<string | null>(null)
  const ui = reactive({
    /** A dialog about the selected alert is open: the selection stays where it is. */
    dialog: null as null | 'dispatch' | 'resolve' | 'follow_up' | 'shortcuts',
    /** On a phone: the selected alert covers the list. */
    sheet: false,
    /** Another page is shown over the screen: nothing of an elder is asked for that nobody looks at. */
    away: false,
    /** The big button has just changed without the operator's doing, and does nothing yet. */
    unsteady: false,
    /** Counts presses of Enter, which the big button answers. */
    bigPresses: 0,
    /** Why the last move was not made. */
    notice: null as null | { alertId: string; words: string },
  })
  const problems = shallowRef<Problem[]>([])
  const heartbeatAt = ref<string | null>(null)
  const returned = shallowRef<Returned | null>(null)
  /** 在岗确认: until when somebody has to say that they are there, in ms; null while nobody is asked. */
  const presenceBy = ref<number | null>(null)
  /** Asked for by the link in a message, before anything was heard of the station: nothing else is shown instead. */
  let wanted: string | null = null
  /** Alerts that were ever on this station's screen; an alert of below may have been escalated here. */
  const routedHere = new Set<string>()

  const live = runLive(organization.id, {
    replace: (open) => hear(board.replace(open), open),
    apply: (alert) => hear(board.apply(alert), [alert]),
    heartbeat: (at, told) => {
      hearHeartbeat(at)
      heartbeatAt.value = at
      problems.value = told
    },
    askPresence: (withinMs) => {
      presenceBy.value = Date.now() + withinMs
    },
    signOut: () => expire(),
  })
  const connection = live.connection
  function confirmPresence(): void {
    presenceBy.value = null
    live.present()
  }
  // Another connection asks anew when it wants to know.
  watch(
    () => connection.value.phase === 'live',
    (isLive) => !isLive && (presenceBy.value = null),
  )
  const alarm = runAlarm(board, () => lostFor(Date.now()))
  const moving = createMoving(
    {
      post: postMove,
      get: getAlert,
      now: () => Date.now(),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
    (alert) => void board.apply(alert),
  )
  // A look at a card is recorded: on a phone, a row that is only marked in the list has not been looked at.
  const detail = followSelected(
    computed(() => (ui.away || (narrow.value && !ui.sheet) ? null : selectedId.value)),
    board,
  )

  function hear(heard: Heard[], alerts: readonly Alert[]): void {
    alerts.forEach((alert) => routedHere.add(alert.id))
    if (heard.some(({ alert }) => alert.severity !== 'blue')) alarm.ring()
    if (heard.length > 0) announceNews(heard)
    if (wanted !== null) {
      open(wanted)
      wanted = null
      return
    }
    if (ui.dialog !== null || ui.sheet || moving.inFlight.has(selectedId.value ?? '')) return
    const next = selectionAfter(selectedId.value, board.open.value, heard)
    if (next === selectedId.value) return
    if (selectedId.value !== null) unsettle()
    select(next)
  }

  function select(id: string | null): void {
    if (selectedId.value !== id) ui.notice = null
    selectedId.value = id
  }

  /** Shows an alert large, wherever it is: somebody has asked for this one. */
  function open(id: string): void {
    if (!connection.value.everLive) wanted = id
    select(id)
    if (narrow.value) ui.sheet = true
  }

  /** The neighbour in the list, or its first row when the selected one is not in it. */
  function selectBeside(by: 1 | -1): void {
    const list = board.open.value
    const at = list.findIndex((alert) => alert.id === selectedId.value)
    const next = at < 0 ? list[0] : list[Math.min(list.length - 1, Math.max(0, at + by))]
    if (next) select(next.id)
  }

  let steadyAgain: ReturnType<typeof setTimeout> | undefined
  function unsettle(): void {
    ui.unsteady = true
    clearTimeout(steadyAgain)
    steadyAgain = setTimeout(() => (ui.unsteady = false), UNSTEADY_MS)
  }
  watch(
    () => {
      const alert = board.known.get(selectedId.value ?? '')
      return alert ? { id: alert.id, move: nextMove(alert), own: moving.inFlight.has(alert.id) } : null
    },
    (now, before) => {
      if (now && before && now.id === before.id && now.move !== before.move && !now.own && !before.own) unsettle()
    },
  )

  /** True when the server has accepted the move; else `ui.notice` says why not. */
  async function makeMove(alertId: string, move: Move, body: Record<string, unknown>): Promise<MoveResult> {
    ui.notice = null
    const result = await moving.make(alertId, move, body)
    if (!result.done) ui.notice = { alertId, words: result.message }
    return result
  }

  /** For how long nothing has been known of the station, in ms; null while the stream is live. */
  function lostFor(now: number): number | null {
    const since = connection.value.lostSince
    return since === null ? null : Math.max(0, now - since)
  }

  // What each alert was when the connection was lost, to say afterwards what came in between.
  let atLoss: { known: Known; since: number } | null = null
  let settling: { known: Known; lostForMs: number; until: number } | null = null
  watch(
    () => connection.value.lostSince,
    (since) => {
      if (since !== null) {
        settling = null
        if (connection.value.everLive) atLoss ??= { known: known(board.open.value), since }
      } else if (atLoss) {
        const now = Date.now()
        settling = { known: atLoss.known, lostForMs: now - atLoss.since, until: now + CATCH_UP_MS }
        atLoss = null
        tellReturn()
        void loadClosed()
      }
    },
  )
  watch(board.open, tellReturn)
  function tellReturn(): void {
    if (!settling || Date.now() > settling.until) return
    returned.value = { lostForMs: settling.lostForMs, ...caughtUp(settling.known, known(board.open.value)) }
  }
  watch(
    () => connection.value.everLive,
    (now) => now && void loadClosed(),
  )

  const shown = new Set<string>()
  const reported = new Set<string>()
  const seen = watchSeen((id) => {
    shown.add(id)
    reportSeen()
  })
  function reportSeen(): void {
    if (connection.value.phase !== 'live') return
    for (const id of shown) {
      if (reported.has(id) || board.known.get(id)?.seen_at) continue
      reported.add(id)
      live.seen(id)
    }
  }
  watch(
    () => connection.value.phase,
    (phase) => {
      // What was said on a connection that broke may not have arrived.
      if (phase === 'live') reportSeen()
      else reported.clear()
    },
  )

  const closed = computed(() => board.closed.value.filter((alert) => routedHere.has(alert.id)))
  async function loadClosed(): Promise<void> {
    const since = new Date(serverNow() - SHIFT_MS)
    // The list is a convenience; the next return of the connection asks again.
    const list = await listResolved(organization.id, since, CLOSED_ASKED).catch(() => [])
    list.forEach((alert) => routedHere.add(alert.id) && board.apply(alert))
  }

  const station = {
    organization,
    me,
    board,
    closed,
    connection,
    lostFor,
    problems,
    heartbeatAt,
    returned,
    presenceBy,
    confirmPresence,
    selectedId,
    select,
    open,
    selectBeside,
    makeMove,
    detail,
    moving,
    seen,
    ui,
  }
  onScopeDispose(hush)
  provide(KEY, station)
  return station
}

export function useStation(): Station {
  const station = inject(KEY)
  if (!station) throw new Error('useStation: no station is open above this component; call openStation in a parent')
  return station
}
