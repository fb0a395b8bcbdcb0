import { computed, onScopeDispose, shallowReactive, watch, type Ref } from 'vue'
import { getAlert, getElder } from '../api/calls'
import { Failure, inWords } from '../api/failure'
import type { Alert, AlertDetail, Elder } from '../api/types'
import type { Board } from './board'
import { unresolved } from './ordering'
import { behind } from './reached'

/** Each look at an elder's card is recorded: running down the list with a key must not open every card. */
const SETTLE_MS = 150
const AGAIN_MS = 3_000
/** A receipt is with the device a moment after the change that it tells of. */
const RECEIPT_MS = 2_000
/** An alert may be on our screens without its elder being ours: their record is not, but what 120 asks is. */
const OF_ANOTHER_STATION = '这位老人不属于本站。电话、联系人、病史和进门方法见“急救交接单”，或请电话询问老人所属的站。'

export interface Shown {
  detail: AlertDetail | null
  elder: Elder | null
  /** Why there is no detail, or no card, yet. */
  detailTrouble: string
  elderTrouble: string
}

export type Detail = ReturnType<typeof followSelected>

/** Keeps detail and elder card of the selected alert up to date: again at each change, again after a failure. */
export function followSelected(selectedId: Readonly<Ref<string | null>>, board: Board) {
  const shown = shallowReactive<Shown>({ detail: null, elder: null, detailTrouble: '', elderTrouble: '' })

  const alert = computed<Alert | null>(() => {
    const id = selectedId.value
    if (id === null) return null
    return board.known.get(id) ?? (shown.detail?.id === id ? shown.detail : null)
  })
  const elderKey = computed(() => {
    const now = alert.value
    if (!now?.elder) return null
    // The server gives the card while any alert of this elder is open: it goes from the screen with the last of them.
    const elderId = now.elder.id
    return `${elderId} ${now.id} ${unresolved(now) || board.open.value.some((other) => other.elder?.id === elderId)}`
  })

  let lookedAgain = ''
  let receipts: ReturnType<typeof setTimeout> | undefined
  onScopeDispose(() => clearTimeout(receipts))
  async function lookAgain(id: string, version: number): Promise<void> {
    // Nothing is lost without it: the next change brings it as well.
    const detail = await getAlert(id).catch(() => null)
    if (detail && selectedId.value === id && shown.detail?.version === version && detail.version === version) shown.detail = detail
  }

  watch(selectedId, () => Object.assign(shown, { detail: null, detailTrouble: '' }), { flush: 'sync' })
  repeat(
    () => (selectedId.value === null ? null : `${selectedId.value} ${alert.value?.version ?? ''}`),
    async () => {
      const id = selectedId.value
      if (id === null) return
      const detail = await getAlert(id)
      if (selectedId.value !== id || (shown.detail && shown.detail.version > detail.version)) return
      Object.assign(shown, { detail, detailTrouble: '' })
      board.apply(detail)
      if (behind(detail) && lookedAgain !== `${id} ${detail.version}`) {
        lookedAgain = `${id} ${detail.version}`
        clearTimeout(receipts)
        receipts = setTimeout(() => void lookAgain(id, detail.version), RECEIPT_MS)
      }
    },
    (trouble) => (shown.detailTrouble = trouble),
  )

  watch(elderKey, () => Object.assign(shown, { elder: null, elderTrouble: '' }), { flush: 'sync' })
  repeat(
    () => elderKey.value,
    async () => {
      const key = elderKey.value
      const id = alert.value?.elder?.id
      if (!id) return
      const elder = await getElder(id)
      if (elderKey.value === key) Object.assign(shown, { elder, elderTrouble: '' })
    },
    (trouble, cause) => (shown.elderTrouble = cause instanceof Failure && cause.status === 404 ? OF_ANOTHER_STATION : trouble),
  )

  return { alert, shown }
}

/** Loads when `key` has settled, and again every few seconds while the failure may pass. */
function repeat(key: () => string | null, load: () => Promise<void>, trouble: (words: string, cause: unknown) => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = 0
  const schedule = (ms: number): void => {
    clearTimeout(timer)
    const run = ++running
    timer = setTimeout(() => {
      load().catch((cause: unknown) => {
        if (run !== running) return
        const passing = cause instanceof Failure && cause.passing
        trouble(passing ? `${inWords(cause)}，正在重试…` : inWords(cause), cause)
        if (passing) schedule(AGAIN_MS)
      })
    }, ms)
  }
  watch(
    key,
    (now, before) => {
      clearTimeout(timer)
      running++
      if (now !== null) schedule(before === null || before === undefined ? 0 : SETTLE_MS)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    clearTimeout(timer)
    running++
  })
}
