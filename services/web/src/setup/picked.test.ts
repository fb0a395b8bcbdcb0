import { expect, test } from 'vitest'
import { MOST_PICKED, usePicked } from './picked'

test('one is ticked and taken back, all that are shown are', () => {
  const { ids, turn, turnAll, clear } = usePicked()
  turn('a')
  expect([...ids.value]).toEqual(['a'])
  turnAll(['a', 'b'])
  expect([...ids.value]).toEqual(['a', 'b'])
  turn('a')
  expect([...ids.value]).toEqual(['b'])
  turnAll(['b'])
  expect(ids.value.size).toBe(0)
  turn('a')
  clear()
  expect(ids.value.size).toBe(0)
})

test('never more than the server takes', () => {
  const { ids, turn, turnAll } = usePicked()
  turnAll(Array.from({ length: MOST_PICKED + 9 }, (_, place) => String(place)))
  turn('one more')
  expect(ids.value.size).toBe(MOST_PICKED)
})
