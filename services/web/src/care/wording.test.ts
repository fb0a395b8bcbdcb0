import { expect, it } from 'vitest'
import type { DeviceCommand, Dose, Medication } from './calls'
import { commandSaid, doseSaid, planSaid } from './wording'

const command = (changes: Partial<DeviceCommand>): DeviceCommand => ({
  id: 'c',
  command: 'ring',
  body: {},
  asked_at: '2026-11-30T08:00:00Z',
  asked_by: null,
  state: 'done',
  answered_at: null,
  late: false,
  result: null,
  ...changes,
})

it('says what came of a command', () => {
  expect(commandSaid(command({ late: true }))).toBe('已完成（超时后才回答）')
  expect(commandSaid(command({ state: 'failed', result: { status: '没电了' } }))).toBe('没有成功，没电了')
  expect(commandSaid(command({ result: { location: { lat: 29.563, lon: 106.5516 } } }))).toBe('已完成，位置 29.56300, 106.55160')
})

it('says who confirmed a dose, and when a plan is', () => {
  const dose: Dose = { id: 'd', due_at: '', items: [], state: 'taken', reminders: 1, taken_at: null, taken_by: 'device' }
  expect([doseSaid(dose), doseSaid({ ...dose, taken_by: '王芳' }), doseSaid({ ...dose, state: 'missed' })]).toEqual(['已服', '已服（王芳确认）', '未服，已通知家属'])
  const plan: Medication = { id: 'p', medicine: '', dose: '', times: ['08:00:00', '20:00:00'], weekdays: [1, 3, 7], starts_on: '', ends_on: null, grace_minutes: 30, note: null }
  expect(planSaid(plan)).toBe('周一、三、日 08:00、20:00')
})
