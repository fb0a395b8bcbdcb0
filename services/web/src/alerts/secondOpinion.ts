import type { TimelineEntry } from '../api/types'

/** From these confidences on, as in docs/fall-detection.md: three words, none of which calls a fall off. */
const CERTAIN = 0.9
const POSSIBLE = 0.2

/** What the acceleration of a fall looked like, in one sentence; null when nothing was felt, or it is put away. */
export function opinionSentence(entries: readonly TimelineEntry[] | null): string | null {
  let strongest: Record<string, unknown> | null = null
  for (const { kind, body } of entries ?? []) {
    if (kind !== 'second_opinion' || body === null) continue
    if (strongest === null || confidence(body) > confidence(strongest)) strongest = body
  }
  return strongest === null ? null : `加速度分析：${opinionWords(strongest)}；不能据此取消`
}

/** The same for a line of the timeline. */
export function opinionWords(body: Record<string, unknown>): string {
  if (typeof body.confidence !== 'number') return '数据读不出，没有结论'
  const felt = [impact(body), afterwards(body), turned(body)].filter((words) => words !== '')
  return `${likeness(body.confidence)}${felt.length > 0 ? `（${felt.join('，')}）` : ''}`
}

function confidence(body: Record<string, unknown>): number {
  return typeof body.confidence === 'number' ? body.confidence : -1
}

function likeness(confident: number): string {
  if (confident >= CERTAIN) return '很像跌倒'
  return confident >= POSSIBLE ? '可能是跌倒' : '不太像跌倒，仍须核实'
}

function impact({ peak_g: peak, clipped_at_g: clipped }: Record<string, unknown>): string {
  if (typeof peak !== 'number') return ''
  return `撞击${typeof clipped === 'number' ? '至少' : ''} ${peak.toFixed(1)} g`
}

function afterwards({ still_s: still }: Record<string, unknown>): string {
  if (typeof still !== 'number') return ''
  return still >= 1 ? `随后静止 ${Math.round(still)} 秒` : '随后仍在活动'
}

function turned({ turn_degrees: turn }: Record<string, unknown>): string {
  return typeof turn === 'number' && turn >= 60 ? '手臂方向变了' : ''
}
