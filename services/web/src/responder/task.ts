/** What somebody near is asked to do, as `/tasks/{token}` tells it, and the words of its page. */
import { distanceWord } from '../alerts/nearby'
import type { Severity } from '../api/types'

export type TaskState = 'asked' | 'accepted' | 'arrived' | 'done' | 'declined' | 'taken'
export type Answer = 'accept' | 'decline' | 'arrive' | 'help' | 'done'

export interface TaskElder {
  name: string | null
  gender: 'female' | 'male' | null
  age: number | null
  phone: string | null
  address: string | null
  entry_notes: string | null
  position: { lat: number; lon: number; accuracy?: number | null } | null
  maps: { geo: string; amap: string } | null
  contacts: { name: string; relation: string | null; phone: string }[]
}

export interface Task {
  state: TaskState
  taken_by: string | null
  me: string
  type: string
  severity: Severity
  title: string
  drill: boolean
  occurred_at: string
  acknowledged: boolean
  street: string | null
  away: boolean
  metres: number | null
  station: string
  station_phone: string | null
  elder: TaskElder | null
  answers: Answer[]
}

const HAPPENED: Readonly<Record<string, string>> = {
  sos: '一位老人按了紧急呼救',
  fall: '一位老人可能跌倒了',
  smoke: '一位老人家中烟雾报警',
  gas: '一位老人家中燃气报警',
  water_leak: '一位老人家中漏水',
}
export const happened = (task: Task): string => HAPPENED[task.type] ?? '一位老人需要有人上门看看'

/** What must be known before one opens the door. */
const CARE: Readonly<Record<string, string>> = {
  smoke: '看到火光或浓烟不要进入，先打 119。',
  gas: '不要开灯、不要打电话进楼，先开窗、关阀门。',
}
export const care = (task: Task): string | null => CARE[task.type] ?? null

/** Where it is, as far as it may be said before anybody goes. */
export function whereabouts(task: Task): string {
  const where = task.away ? '老人不在家，地点见接受后的地图' : (task.street ?? `${task.station}附近`)
  return task.metres === null ? where : `${where}，离您${distanceWord(task.metres)}`
}

/** In the order of the page; the first is the big one. */
const WORD: Readonly<Record<Answer, string>> = {
  accept: '我去',
  arrive: '我到了',
  done: '已处理',
  help: '需要支援',
  decline: '去不了',
}
export const answerWord = (answer: Answer): string => WORD[answer]
const ORDER: readonly Answer[] = ['accept', 'arrive', 'done', 'help', 'decline']
export const offered = (task: Task): Answer[] => ORDER.filter((answer) => task.answers.includes(answer))

/** What the page says of where one stands. */
export function standing(task: Task): string {
  switch (task.state) {
    case 'asked':
      return `${task.me}，您离得近，能去看看吗？`
    case 'taken':
      return `${task.taken_by ?? '别的响应者'}已经前往，谢谢您，这次不用去了。`
    case 'declined':
      return task.taken_by ? `已记下。${task.taken_by}已经前往。` : '已记下您去不了。如果又能去了，可以再点“我去”。'
    case 'accepted':
      return task.acknowledged ? '已告诉站点：您在路上。' : '已告诉站点：您在路上。站点还没有人接警，请先去，有危险打 120。'
    case 'arrived':
      return '已告诉站点：您到了。'
    case 'done':
      return '已告诉站点：您处理好了。站点可能会打电话给您。'
  }
}

/** Giving up after having accepted sets an alarm off: asked twice. */
export const asksTwice = (task: Task, answer: Answer): boolean => answer === 'decline' && task.state === 'accepted'
