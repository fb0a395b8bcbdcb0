import { describe as about, expect, it } from 'vitest'
import { BUILT_IN, builtInRule } from '../testing/rules'
import { describe, differences } from './describe'
import { rebase, same, sameRule } from './rebase'
import { placed } from './flaws'

const names = new Map([['o1', '龙岗街道']])

about('two versions', () => {
  it('differ in what somebody changed, in words', () => {
    const before = builtInRule('heart_rate_high')
    const after = { ...before, version: 2, mode: 'shadow' as const, lasting_seconds: 90, scope: { organization_id: 'o1' } }
    after.condition = { ...before.condition, value: 115 }
    expect(differences(before, after, names)).toEqual([
      { label: '状态', before: '启用', after: '试行' },
      { label: '适用', before: '所有人', after: '龙岗街道（含下属）' },
      { label: '限值', before: '120 次/分', after: '115 次/分' },
      { label: '持续时间', before: '5 分钟', after: '1 分钟 30 秒' },
    ])
  })

  it('of one rule are not different from themselves, whichever rule', () => {
    for (const rule of BUILT_IN) expect(differences(rule, { ...rule, version: 7 }, names)).toEqual([])
  })

  it('tell what only one of them has', () => {
    const before = builtInRule('stillness')
    const after = { ...before, condition: builtInRule('news2_high').condition, wards: ['A'] }
    const told = differences(before, after, names)
    expect(told).toContainEqual({ label: '条件', before: '长时间没有活动', after: 'NEWS2 评分' })
    expect(told).toContainEqual({ label: '超过本人平时的', before: '1.5 倍', after: null })
    expect(told).toContainEqual({ label: 'wards', before: null, after: '["A"]' })
  })

  it('have no hole in any line', () => {
    for (const rule of BUILT_IN) {
      for (const line of describe(rule, names)) expect(line.words).not.toMatch(/undefined|null|NaN|\[object|^$/)
    }
  })
})

about('a rule that somebody else changed meanwhile', () => {
  const before = builtInRule('heart_rate_high')

  it('has what I changed on top of what they changed', () => {
    const mine = { ...before, condition: { ...before.condition, value: 118 }, title: '心率快' }
    const theirs = { ...before, version: 2, condition: { ...before.condition, clear: 105 }, mode: 'off' as const }
    expect(rebase(before, mine, theirs)).toEqual({
      ...before,
      version: 2,
      title: '心率快',
      mode: 'off',
      condition: { ...before.condition, value: 118, clear: 105 },
    })
  })

  it('keeps mine where both changed the same', () => {
    const mine = { ...before, lasting_seconds: 60 }
    const theirs = { ...before, version: 2, lasting_seconds: 600 }
    expect(rebase(before, mine, theirs)).toMatchObject({ version: 2, lasting_seconds: 60 })
  })

  it('does not mix the parts of conditions of two kinds', () => {
    const mine = { ...before, condition: { ...before.condition, value: 118 } }
    const theirs = { ...before, version: 2, condition: builtInRule('news2_high').condition }
    expect(rebase(before, mine, theirs).condition).toEqual(mine.condition)
  })

  it('is the same as mine when they did what I wanted', () => {
    const wanted = { ...before, lasting_seconds: 60 }
    expect(same(rebase(before, wanted, { ...wanted, version: 2 }), { ...wanted, version: 2 })).toBe(true)
    expect(sameRule(wanted, { ...wanted, id: 'r9', version: 9 })).toBe(true)
    expect(sameRule(wanted, before)).toBe(false)
    expect(same({ back_by: null }, {})).toBe(true)
    expect(same({ value: 1 }, { value: 2 })).toBe(false)
  })
})

about('flaws', () => {
  it('stand at the nearest place of the form', () => {
    const { at, elsewhere } = placed(
      [
        { where: 'condition.clear', what: '恢复值 125 应小于限值 120，否则会反复告警' },
        { where: 'severity_when.1.scope', what: '没有写明对谁适用' },
        { where: 'scope.elder_id', what: '应为编号' },
        { where: 'condition.smoothing', what: '没有这一项' },
        { where: 'titles', what: '没有这一项' },
      ],
      ['title', 'condition.clear', 'scope', 'severity_when.0', 'severity_when.1'],
    )
    expect(Object.fromEntries(at)).toEqual({
      'condition.clear': '恢复值 125 应小于限值 120，否则会反复告警',
      'severity_when.1': '没有写明对谁适用',
      scope: '应为编号',
    })
    expect(elsewhere.map(({ where }) => where)).toEqual(['condition.smoothing', 'titles'])
  })
})
