/** Words about who is near: how far, what they can, what became of the question. */
import type { AskedResponder, NearResponder, TimelineEntry } from '../api/types'

const KIND: Readonly<Record<string, string>> = {
  grid_worker: '网格员',
  village_doctor: '村医',
  volunteer: '志愿者',
  neighbour: '邻居',
  social_worker: '社工',
  party_member: '党员',
  young_elder: '低龄健康老人',
  station_staff: '站点人员',
  other: '响应者',
}
export const kindWord = (kind: string): string => KIND[kind] ?? kind

const STATE: Readonly<Record<AskedResponder['state'], string>> = {
  asked: '等待答复',
  accepted: '正在路上',
  arrived: '已到现场',
  done: '称已处理',
  declined: '去不了',
}
export const answerWord = (state: AskedResponder['state']): string => STATE[state] ?? state

/** "约 110 米", "约 2.3 公里"; as the crow flies, so no digit that says more than is known. */
export function distanceWord(metres: number | null): string {
  if (metres === null) return '距离不详'
  if (metres < 1000) return `约 ${Math.max(10, Math.round(metres / 10) * 10)} 米`
  return `约 ${(metres / 1000).toFixed(metres < 10_000 ? 1 : 0)} 公里`
}

/** "网格员 · 约 110 米 · 急救 · 已请，等待答复" */
export function nearWords(one: NearResponder): string {
  const state = one.state === null ? '' : one.state === 'asked' ? '已请，等待答复' : answerWord(one.state)
  return [kindWord(one.kind), distanceWord(one.metres), ...one.skills, state].filter(Boolean).join(' · ')
}

/** Who goes first, then who may still, then who does not; each as they were asked. */
export function inOrder(asked: readonly AskedResponder[]): AskedResponder[] {
  const rank = { arrived: 0, done: 0, accepted: 0, asked: 1, declined: 2 }
  return [...asked].sort((one, other) => rank[one.state] - rank[other.state])
}

/** In one line, for the head of the list. That the last question found nobody is said too. */
export function askedSentence(asked: readonly AskedResponder[], timeline: readonly TimelineEntry[] = []): string {
  const goes = asked.find((one) => one.state === 'accepted' || one.state === 'arrived' || one.state === 'done')
  if (goes) return `${goes.name}（${kindWord(goes.kind)}）${answerWord(goes.state)}`
  const found = timeline.filter((entry) => entry.kind === 'asked').at(-1)?.body?.responders
  const nobody = Array.isArray(found) && found.length === 0
  if (asked.length === 0) return nobody ? '附近没有登记的、现在能去的人' : '还没有请附近的人'
  const waiting = asked.filter((one) => one.state === 'asked').length
  const said = waiting > 0 ? `已请 ${asked.length} 人，${waiting} 人还没答复` : `已请 ${asked.length} 人，都去不了`
  return nobody ? `${said}；附近没有更多的人` : said
}

/** What the timeline says of asking, and of an elder who is away. */
export function nearbyWords(entry: TimelineEntry): string[] {
  const { responders, metres, name } = entry.body ?? {}
  const words: string[] = []
  if (entry.kind === 'asked' && Array.isArray(responders)) {
    const people = responders as { name: string; metres: number | null }[]
    words.push(people.map((one) => `${one.name} ${distanceWord(one.metres)}`).join('、') || '附近没有可以前往的人')
  }
  if (entry.kind === 'shared' && typeof name === 'string') words.push(name)
  if ((entry.kind === 'shared' || entry.kind === 'away') && typeof metres === 'number')
    words.push(`离家${distanceWord(metres)}`)
  return words
}
