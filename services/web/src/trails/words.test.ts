import { describe, expect, it } from 'vitest'
import { keptWord, lookWord } from './words'

describe('what somebody looked at', () => {
  it('is said in words, and what is not known as it is', () => {
    expect(lookWord('opened')).toBe('紧急查看（没有告警）')
    expect(lookWord('phone of responder 1')).toBe('查看响应者电话')
    expect(lookWord('something new')).toBe('something new')
  })
})

describe('how long something is kept', () => {
  it('is in days, or in hours where it is short', () => {
    expect([keptWord(null), keptWord(1095), keptWord(25 / 24), keptWord(1)]).toEqual(['长期保存', '1095 天', '25 小时', '24 小时'])
  })
})
