import { expect, it } from 'vitest'
import { alert } from '../testing/alert'
import { ofDevices, outageSentence } from './outage'
import { nextStep, subject, timelineWord, typeWord } from './wording'

const NOW = Date.parse('2026-11-22T12:00:00+08:00')
const since = '2026-11-22T11:20:00+08:00'

it('an area says how many are lost and how many are back, and what to do', () => {
  const lost = alert({
    type: 'area.outage',
    severity: 'orange',
    elder: null,
    detail: { since, restored_at: null, area: '龙岗街道（虚构）', source: null, lost: 40, restored: 35 },
  })
  expect(outageSentence(lost, NOW)).toBe('龙岗街道（虚构） 40 台设备自 11:20:00 起同时失联，已恢复 35 台')
  expect(subject(lost)).toBe('龙岗街道（虚构）')
  expect(nextStep(lost)).toContain('呼叫名单')
  expect(ofDevices(lost)).toBe(true)
})

it('a silent device says since when, and what is usual for it', () => {
  const silent = alert({ type: 'device.offline', severity: 'blue', detail: { since, restored_at: null, usual_seconds: 60 } })
  expect(outageSentence(silent, NOW)).toBe('自 11:20:00 起没有消息，平时约每 1 分钟上报一次')
  const back = alert({ ...silent, detail: { since, restored_at: '2026-11-22T11:50:00+08:00' } })
  expect(outageSentence(back, NOW)).toBe('自 11:20:00 起没有消息，11:50:00 已恢复')
})

it('every type of its own has a word', () => {
  for (const type of ['device.offline', 'device.not_worn', 'device.low_battery', 'device.untested', 'area.outage']) {
    expect(typeWord(type)).toMatch(/^[\u4e00-\u9fff]+$/)
  }
  expect(timelineWord('progress')).toBe('恢复进展')
})

it('a press says nothing of the kind', () => {
  expect(outageSentence(alert(), NOW)).toBe('')
  expect(ofDevices(alert())).toBe(false)
})

it('says of a visit and of medicine what was to be done', () => {
  const overdue = alert({ type: 'visit.overdue', detail: { plan: '兜底保障', due_on: '2026-11-29', visited_on: null, restored_at: null } })
  expect(outageSentence(overdue, 0)).toBe('兜底保障巡访应在 2026-11-29 以前，还没有巡访过')
  const missed = alert({ type: 'medication.missed', detail: { due_at: '2026-11-30T00:00:00Z', family: true, restored_at: null } })
  expect(outageSentence(missed, Date.parse('2026-11-30T01:00:00Z'))).toContain('没有按时服，已先通知家属')
})
