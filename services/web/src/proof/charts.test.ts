import { expect, it } from 'vitest'
import type { Measure, ResponseReport, TypeFigures } from '../api/proofTypes'
import { dayOption, dayWords, lowestOf, shareOption, shareWords, toldOf, typeOption, typeWords, type ChartOption, type Look } from './charts'

const look: Look = {
  text: '#111', muted: '#444', line: '#ccc', surface: '#fff', accent: '#066', ok: '#060', danger: '#b00',
  warnings: { red: '#c00', orange: '#f80', yellow: '#fd0', blue: '#06b' },
  font: 'sans-serif', size: 13, width: 340, still: false,
}
const measure = (key: string, name: string, target: number): Measure => ({ key, name, target, judged: 20, met: 19, share: 0.95, reached: true, source: '' })
const measures = [measure('answer_10', '10 秒内接警', 0.95), measure('answer_60', '60 秒内接警', 0.975), measure('answer_180', '180 秒内接警', 0.99)]
const day = (name: string, red: number, shares: Record<string, number | null>): ResponseReport['days'][number] => ({
  day: name, alerts: red + 2, rescues: red, by_severity: { red, orange: 2, yellow: 0, blue: 0 }, unanswered: 0, shares, answer_median: null,
})
const days = [
  day('2026-11-22', 3, { answer_10: 0.95, answer_60: 1, answer_180: 1 }),
  day('2026-11-23', 0, { answer_10: null, answer_60: null, answer_180: null }),
  day('2026-11-24', 5, { answer_10: 0.8571, answer_60: 0.9749, answer_180: 1 }),
]
const type = (title: string, alerts: number, open: number, wrong: number): TypeFigures => ({
  type: title, title, alerts, open, false: wrong, false_alarm: wrong, accidental: 0, test: 0, cancelled: 0, false_share: alerts > open ? wrong / (alerts - open) : null,
})
const types = [type('跌倒', 4, 0, 1), type('本人呼救', 10, 2, 3)]

type Drawn = { name: string; data: unknown[]; markLine?: { data: unknown; label: { formatter: string } }; label?: { formatter: (at: { dataIndex: number }) => string } }
const series = (option: ChartOption): Drawn[] => option.series as unknown as Drawn[]

it('each measure has a panel with its own target across', () => {
  const drawn = series(shareOption(days, measures, look))
  expect(drawn.map((one) => [one.name, one.markLine?.data, one.markLine?.label.formatter])).toEqual([
    ['10 秒内接警', [{ yAxis: 0.95 }], '95.0%'],
    ['60 秒内接警', [{ yAxis: 0.975 }], '97.5%'],
    ['180 秒内接警', [{ yAxis: 0.99 }], '99.0%'],
  ])
})

it('a day that reached its target looks different by form too, and one with nothing to judge has no point', () => {
  const [ten, sixty] = series(shareOption(days, measures, look))
  expect(ten?.data).toEqual([
    { value: 0.95, symbol: 'circle', symbolSize: 7, itemStyle: { color: look.ok } },
    { value: '-' },
    { value: 0.8571, symbol: 'diamond', symbolSize: 12, itemStyle: { color: look.danger } },
  ])
  expect(sixty?.data[2]).toMatchObject({ symbol: 'diamond' })
})

it('the axis begins below every point and every target, and no lower', () => {
  expect(lowestOf(days, measures)).toBe(0.8)
  expect(lowestOf(days.slice(0, 2), measures)).toBe(0.9)
  expect(lowestOf(days.slice(0, 2), [measure('arrival_900', '15 分钟内到场', 0.9)])).toBe(0.8)
  expect(lowestOf([day('2026-11-22', 1, { answer_10: 0.7 })], measures)).toBe(0.7)
  expect(lowestOf([day('2026-11-22', 1, { answer_10: 0 })], measures)).toBe(0)
  expect(lowestOf([], measures)).toBe(0.9)
})

it('days are stacked by severity, the worst at the bottom', () => {
  const option = dayOption(days, look)
  expect(series(option).map((one) => [one.name, one.data])).toEqual([
    ['红', [3, 0, 5]],
    ['橙', [2, 2, 2]],
    ['黄', [0, 0, 0]],
    ['蓝', [0, 0, 0]],
  ])
  expect(option.xAxis).toMatchObject({ data: ['11-22', '11-23', '11-24'] })
})

it('types come by count, and their parts add up to their alerts', () => {
  const option = typeOption(types, look)
  expect(option.yAxis).toMatchObject({ data: ['本人呼救', '跌倒'], inverse: true })
  const drawn = series(option)
  expect(drawn.map((one) => one.data)).toEqual([[5, 3], [2, 0], [3, 1]])
  expect([0, 1].map((dataIndex) => drawn[2]?.label?.formatter({ dataIndex }))).toEqual(['误报 37.5%', '误报 25.0%'])
  expect(types.map((one) => one.title), 'what was given is left as it was').toEqual(['跌倒', '本人呼救'])
})

it('the pointer tells of a day', () => {
  expect(toldOf(days, measures.slice(0, 2), 2)).toBe('2026-11-24：紧急救援 5 起\n10 秒内接警 85.7%\n60 秒内接警 97.4%')
  expect(toldOf(days, measures.slice(0, 1), 1)).toBe('2026-11-23：紧急救援 0 起\n10 秒内接警 —')
  expect(toldOf(days, measures, undefined)).toBe('')
})

it('nothing moves for those who want that', () => {
  expect(dayOption(days, look).animation).toBe(true)
  for (const option of [dayOption(days, { ...look, still: true }), shareOption(days, measures, { ...look, still: true }), typeOption(types, { ...look, still: true })])
    expect(option).toMatchObject({ animation: false, tooltip: { transitionDuration: 0 } })
})

it('says the same in words', () => {
  expect(dayWords(days)).toBe('每日告警柱形图，3 天共 14 条：红色 8，橙色 6，黄色 0，蓝色 0。最多的一天是 11-24，7 条。逐日数字见下表。')
  expect(shareWords(days, measures.slice(0, 1))).toBe('逐日比例折线图。10 秒内接警，目标 95.0%：2 天可评价，1 天未达标（11-24 85.7%）。逐日数字见下表。')
  expect(typeWords(types)).toBe('各类型告警条形图。本人呼救 10 条，其中误报 3 条；跌倒 4 条，其中误报 1 条。各类型数字见下表。')
  expect(typeWords([])).toContain('没有告警')
  expect(dayOption(days, look).aria).toEqual({ enabled: true, label: { description: dayWords(days) } })
})
