import { expect, it } from 'vitest'
import { exactly, numberOf, secondsOf, spanOf } from './spans'

it('shows the largest unit without a rest, and gives the same seconds back', () => {
  expect(spanOf(0)).toEqual({ amount: '0', unit: 'min' })
  expect(spanOf(45)).toEqual({ amount: '45', unit: 's' })
  expect(spanOf(5400)).toEqual({ amount: '90', unit: 'min' })
  expect(spanOf(7200)).toEqual({ amount: '2', unit: 'h' })
  for (const seconds of [0, 1, 59, 60, 90, 300, 1800, 3600, 5400, 86_400]) expect(secondsOf(spanOf(seconds))).toBe(seconds)
})

it('takes parts of a unit, and leaves what is no number to the server', () => {
  expect(secondsOf({ amount: '1.5', unit: 'min' })).toBe(90)
  expect(secondsOf({ amount: '0.1', unit: 'h' })).toBe(360)
  expect(secondsOf({ amount: '', unit: 'min' })).toBe('')
  expect(secondsOf({ amount: '五', unit: 'min' })).toBe('五')
})

it('reads numbers as a Chinese keyboard types them', () => {
  expect(numberOf(' １２０ ')).toBe(120)
  expect(numberOf('37.8')).toBe(37.8)
  expect(numberOf('1e999')).toBe('1e999')
})

it('says a time exactly', () => {
  expect(exactly(300)).toBe('5 分钟')
  expect(exactly(90)).toBe('1 分钟 30 秒')
  expect(exactly(5400)).toBe('1 小时 30 分钟')
  expect(exactly(0)).toBe('0 秒')
})
