import { expect, it } from 'vitest'
import { bodyOf, draftOf, hoursWord, matches, type Responder } from './register'

const one: Responder = {
  id: 'r1',
  name: '冉某（虚构）',
  organization_id: 'o1',
  kind: 'village_doctor',
  phone: '023-0002-0001',
  skills: ['急救'],
  hours: [],
  position: { lat: 29.708, lon: 105.7135 },
  busy: false,
  version: 3,
}

it('a form that nobody changed sends what was there', () => {
  expect(bodyOf(draftOf(one), one.version)).toEqual({
    name: one.name,
    organization_id: 'o1',
    kind: one.kind,
    phone: one.phone,
    skills: ['急救'],
    hours: [],
    position: { lat: 29.708, lon: 105.7135, datum: 'wgs84' },
    version: 3,
  })
  const nights = [{ weekdays: [1, 2], from: '20:00', to: '08:00' }, { weekdays: [6], from: '08:00', to: '12:00' }]
  expect(bodyOf(draftOf({ ...one, hours: nights }), 3)).toMatchObject({ hours: nights })
})

it('says what is missing, and reads what a map page gives', () => {
  const draft = { ...draftOf(null), name: '冉某', organizationId: 'o1', phone: '1' }
  expect(bodyOf({ ...draft, name: ' ' }, null)).toBe('请填写姓名')
  expect(bodyOf({ ...draft, position: '29.7' }, null)).toBe('位置应为两个数，如 29.708, 105.7135')
  expect(bodyOf({ ...draft, position: '105.7135，29.708', skills: '急救 会开车' }, null)).toMatchObject({
    position: { lat: 29.708, lon: 105.7135, datum: 'gcj02' },
    skills: ['急救', '会开车'],
  })
  expect(bodyOf({ ...draft, always: false }, null)).toMatchObject({ hours: [{ from: '08:00', to: '20:00' }] })
})

it('is found by what it is known by', () => {
  expect(['冉', '0002', '村医', '急救', ''].map((word) => matches(one, word))).toEqual([true, true, true, true, true])
  expect(matches(one, '邻居')).toBe(false)
  expect(hoursWord([])).toBe('全天')
  expect(hoursWord([{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: '08:00', to: '20:00' }])).toBe('每天 08:00–20:00')
})
