/** Lengths of time as people type them, and as definitions have them: in whole seconds. */

export type SpanUnit = 's' | 'min' | 'h'

export interface Span {
  /** As typed. */
  amount: string
  unit: SpanUnit
}

const SECONDS: Readonly<Record<SpanUnit, number>> = { s: 1, min: 60, h: 3600 }
export const SPAN_UNITS: readonly { unit: SpanUnit; word: string }[] = [
  { unit: 's', word: '秒' },
  { unit: 'min', word: '分钟' },
  { unit: 'h', word: '小时' },
]

/** In the largest unit that leaves no rest; 90 minutes stay minutes. */
export function spanOf(seconds: number): Span {
  const unit: SpanUnit = seconds === 0 || seconds % 60 !== 0 ? (seconds === 0 ? 'min' : 's') : seconds % 3600 === 0 ? 'h' : 'min'
  return { amount: String(seconds / SECONDS[unit]), unit }
}

/** Seconds; what is no number stays as it was typed, so that the server says what is wrong with it. */
export function secondsOf(span: Span): number | string {
  const amount = numberOf(span.amount)
  // 0.1 hours are 360 seconds, and no 360.00000000000006.
  return typeof amount === 'number' ? Number((amount * SECONDS[span.unit]).toFixed(6)) : amount
}

/** What is no number stays as it was typed: empty is never taken for a default. */
export function numberOf(typed: string): number | string {
  const text = typed.normalize('NFKC').trim()
  const value = Number(text)
  return text !== '' && Number.isFinite(value) ? value : text
}

/** "5 分钟", "1 小时 30 分钟", "45 秒": exactly. */
export function exactly(seconds: number): string {
  const parts: string[] = []
  let rest = seconds
  for (const [size, word] of [[86_400, '天'], [3600, '小时'], [60, '分钟'], [1, '秒']] as const) {
    const count = size === 1 ? rest : Math.floor(rest / size)
    if (count > 0) parts.push(`${count} ${word}`)
    rest -= count * size
  }
  return parts.join(' ') || '0 秒'
}
