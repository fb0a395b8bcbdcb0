import { describe, expect, it } from 'vitest'
import { BUILT_IN, builtInRule } from '../testing/rules'
import { clearSentence, conditionSentence, scopeWords, severityWhenWords } from './wording'

const names = new Map([
  ['o1', '龙岗街道'],
  ['e1', '张桂兰'],
])

describe('what a rule says', () => {
  it.each([
    ['heart_rate_high', '心率（15 分钟中位数） > 120 次/分，持续 5 分钟', '≤ 110 次/分，持续 5 分钟'],
    [
      'spo2_low',
      '血氧（30 分钟中位数）低于本人平时，偏离 1 倍，且不在 92–100%之内，总要提醒 < 88%，尚无平时数据时 < 92%，持续 20 分钟',
      '偏离不到 0.5 倍，持续 5 分钟',
    ],
    ['systolic_very_high', '收缩压 > 219 mmHg，一测到就提醒', '≤ 200 mmHg'],
    ['heart_rate_own_low', '心率低于本人平时，偏离 4 倍，且不在 60–100 次/分之内，持续 30 分钟', '偏离不到 2.5 倍，持续 10 分钟'],
    ['news2_high', 'NEWS2 评分 ≥ 7 分，持续 3 分钟', '< 7 分，持续 30 分钟'],
    ['wandering', '离开安全范围：连续 3 次定位确定在外，或相隔 5 分钟的两次', '回到范围内，持续 5 分钟'],
    ['stillness', '没有活动超过本人平时的 1.5 倍，且至少 2 小时，22:00–06:00 不提醒', '有活动'],
    ['out_of_bed', '22:00–06:00 之间离床，30 分钟未回', '回到床上'],
  ])('%s', (key, when, over) => {
    expect(conditionSentence(builtInRule(key))).toBe(when)
    expect(clearSentence(builtInRule(key))).toBe(over)
  })

  it('has no hole for any built-in rule', () => {
    for (const rule of BUILT_IN) {
      expect(conditionSentence(rule) + clearSentence(rule)).not.toMatch(/undefined|null|NaN|\[object|其他条件/)
    }
  })

  it('names a kind that this app does not know', () => {
    const rule = { ...builtInRule('heart_rate_high'), condition: { kind: 'trend', field: 'heart_rate' } }
    expect(conditionSentence(rule)).toBe('其他条件（trend）')
  })

  it('says what else is looked at', () => {
    const bed = builtInRule('out_of_bed')
    bed.condition.back_by = '00:30'
    expect(conditionSentence(bed)).toBe('22:00–06:00 之间离床，30 分钟未回；或到 00:30 仍不在床上')
    const score = builtInRule('news2_medium')
    score.condition.or_three_in_one = true
    expect(conditionSentence(score)).toBe('NEWS2 评分 ≥ 5 分，或任一项 3 分，持续 10 分钟')
  })
})

describe('for whom', () => {
  it('is everyone when nothing is given', () => {
    expect(scopeWords({}, names)).toBe('所有人')
    expect(scopeWords(null, names)).toBe('所有人')
  })

  it('names all that must fit, by degree of dependency', () => {
    expect(scopeWords({ organization_id: 'o1', ability_levels: ['total', 'severe'], care_categories: ['独居'] }, names)).toBe(
      '龙岗街道（含下属），重度失能或完全失能，独居',
    )
    expect(scopeWords({ elder_id: 'e1' }, names)).toBe('张桂兰')
    expect(scopeWords({ elder_id: 'e2' }, names)).toBe('编号 e2')
  })

  it('tells in which context a rule is how severe', () => {
    expect(severityWhenWords(builtInRule('spo2_low').severity_when, names)).toBe('重度失能或完全失能：橙')
    expect(severityWhenWords([], names)).toBe('无')
  })
})
