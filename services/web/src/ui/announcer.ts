import { readonly, ref } from 'vue'
import type { Heard } from '../alerts/board'
import { place, severityWord, subject } from '../alerts/wording'

/** What screen readers say: `urgent` at once, over anything else; `calm` when there is a pause. */
const urgentText = ref('')
const calmText = ref('')
export const urgent = readonly(urgentText)
export const calm = readonly(calmText)

export function say(words: string): void {
  calmText.value = words
}

/** Nothing about anybody stays in the page once the station is left. */
export function hush(): void {
  urgentText.value = ''
  calmText.value = ''
}

export function announceNews(heard: readonly Heard[]): void {
  const red = heard.filter(({ alert }) => alert.severity === 'red')
  const first = (red[0] ?? heard[0])?.alert
  if (!first) return
  const again = red[0]?.news === 'pressed_again' ? (first.occurrences === 1 ? '逾期无进展' : `第 ${first.occurrences} 次呼叫`) : '新告警'
  const more = heard.length > 1 ? `，另有 ${heard.length - 1} 条` : ''
  const words = `${again}：${severityWord(first.severity)}，${subject(first)}，${first.title}，${place(first)}${more}`
  if (red.length > 0) urgentText.value = words
  else calmText.value = words
}
