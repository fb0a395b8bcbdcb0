import { expect, it } from 'vitest'
import { dayOf, instantOf, localOf, stamped } from './beijing'

const AT = Date.parse('2026-11-22T17:30:45Z')

it('is eight hours ahead, in every browser', () => {
  expect(localOf(AT)).toBe('2026-11-23T01:30')
  expect(stamped(AT)).toBe('2026-11-23T01:30:45+08:00')
  expect(instantOf('2026-11-23T01:30')).toBe(Date.parse('2026-11-22T17:30:00Z'))
  expect(instantOf('')).toBeNaN()
})

it('a day begins at its midnight', () => {
  expect(stamped(dayOf(AT))).toBe('2026-11-23T00:00:00+08:00')
  expect(dayOf(dayOf(AT))).toBe(dayOf(AT))
})
