/** What the charts of a response report show. Pure: figures and a look go in, an option of ECharts and words come out. */
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts'
import type { AriaComponentOption, GridComponentOption, MarkLineComponentOption, TooltipComponentOption } from 'echarts/components'
import type { ComposeOption } from 'echarts/core'
import type { Measure, ResponseReport, TypeFigures } from '../api/proofTypes'
import type { Severity } from '../api/types'
import { percent } from './wording'

export type ChartOption = ComposeOption<
  BarSeriesOption | LineSeriesOption | GridComponentOption | TooltipComponentOption | MarkLineComponentOption | AriaComponentOption
>

/** Colours of the theme in force, and the room that there is. */
export interface Look {
  text: string
  muted: string
  line: string
  surface: string
  accent: string
  ok: string
  danger: string
  warnings: Readonly<Record<Severity, string>>
  font: string
  /** Of letters, in pixels. */
  size: number
  width: number
  /** Somebody who wants nothing to move. */
  still: boolean
}

type Days = ResponseReport['days']

export const SEVERITIES: readonly { severity: Severity; word: string }[] = [
  { severity: 'red', word: '红' },
  { severity: 'orange', word: '橙' },
  { severity: 'yellow', word: '黄' },
  { severity: 'blue', word: '蓝' },
]
const dayWord = (day: string): string => day.slice(5)

const AXIS = 30
const NAME = 40
const TYPE_ROW = 34
/** Three panels, or two that are higher. */
export const SHARES_HEIGHT = 438
export const typesHeight = (types: number): number => types * TYPE_ROW + AXIS + 12
/** Beside the chart of types, where there is room for both. */
export const daysHeight = (types: number): number => Math.max(240, Math.min(400, typesHeight(types)))

function base(look: Look, words: string): ChartOption {
  return {
    animation: !look.still,
    animationDuration: 300,
    backgroundColor: 'transparent',
    textStyle: { color: look.text, fontFamily: look.font, fontSize: look.size },
    aria: { enabled: true, label: { description: words } },
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: look.still ? 0 : 0.2,
      backgroundColor: look.surface,
      borderColor: look.line,
      textStyle: { color: look.text, fontFamily: look.font, fontSize: look.size },
      axisPointer: { lineStyle: { color: look.muted }, shadowStyle: { color: look.muted, opacity: 0.15 } },
    },
  }
}

const letters = (look: Look, color = look.muted) => ({ color, fontFamily: look.font, fontSize: look.size })
const ruled = (look: Look) => ({ lineStyle: { color: look.line } })

/** Alerts of each day, stacked by severity. */
export function dayOption(days: Days, look: Look): ChartOption {
  const { tooltip, ...rest } = base(look, dayWords(days))
  return {
    ...rest,
    tooltip: { ...tooltip, axisPointer: { type: 'shadow', shadowStyle: { color: look.muted, opacity: 0.15 } } },
    grid: { left: 44, right: 12, top: 12, bottom: AXIS, outerBoundsMode: 'none' },
    xAxis: {
      type: 'category',
      data: days.map((each) => dayWord(each.day)),
      axisLabel: { ...letters(look), hideOverlap: true },
      axisLine: ruled(look),
      axisTick: { show: false },
    },
    yAxis: { type: 'value', minInterval: 1, splitNumber: 4, axisLabel: letters(look), splitLine: ruled(look) },
    series: SEVERITIES.map(({ severity, word }) => ({
      type: 'bar',
      name: word,
      stack: 'alerts',
      barMaxWidth: 44,
      itemStyle: { color: look.warnings[severity] },
      data: days.map((each) => each.by_severity[severity]),
    })),
  }
}

/**
 * Where the axis of shares begins: below each target and each point, and no lower, since most are near their targets.
 * One for all panels, so that equal heights are equal shares.
 */
export function lowestOf(days: Days, measures: readonly Measure[]): number {
  const shares = days.flatMap((each) => measures.map((one) => each.shares[one.key] ?? 1))
  return Math.floor(Math.min(...shares, ...measures.map((one) => one.target - 0.05)) * 10 + 1e-9) / 10
}

/** Each measure in a panel of its own, day by day, with its target across: in one panel the targets could not be told apart. */
export function shareOption(days: Days, measures: readonly Measure[], look: Look): ChartOption {
  const least = lowestOf(days, measures)
  const { tooltip, ...rest } = base(look, shareWords(days, measures))
  const last = measures.length - 1
  const panel = (SHARES_HEIGHT - AXIS) / measures.length
  const dense = look.width / days.length < 16
  return {
    ...rest,
    tooltip: { ...tooltip, renderMode: 'richText', formatter: (points) => toldOf(days, measures, [points].flat()[0]?.dataIndex) },
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    grid: measures.map((_, place) => ({ left: 50, right: 60, top: place * panel + NAME, height: panel - NAME - 12, outerBoundsMode: 'none' })),
    xAxis: measures.map((_, place) => ({
      type: 'category',
      gridIndex: place,
      data: days.map((each) => dayWord(each.day)),
      axisLabel: { ...letters(look), show: place === last, hideOverlap: true },
      axisLine: ruled(look),
      axisTick: { show: false },
    })),
    yAxis: measures.map((one, place) => ({
      type: 'value',
      gridIndex: place,
      name: one.name,
      nameGap: 12,
      nameTextStyle: { ...letters(look, look.text), fontWeight: 'bold', align: 'left', padding: [0, 0, 0, -42] },
      min: least,
      max: 1,
      interval: (1 - least) / 2,
      axisLabel: { ...letters(look), formatter: (share: number) => `${Math.round(share * 100)}%` },
      splitLine: ruled(look),
    })),
    series: measures.map((one, place) => ({
      type: 'line',
      name: one.name,
      xAxisIndex: place,
      yAxisIndex: place,
      color: look.accent,
      lineStyle: { color: look.accent, width: 2 },
      showAllSymbol: true,
      // A dot on the axis' end is whole.
      clip: false,
      data: days.map((each) => point(each.shares[one.key] ?? null, one.target, look, dense)),
      markLine: {
        silent: true,
        animation: false,
        symbol: 'none',
        lineStyle: { color: look.text, type: 'dashed', width: 1.5 },
        label: { ...letters(look, look.text), position: 'end', formatter: percent(one.target) },
        data: [{ yAxis: one.target }],
      },
    })),
  }
}

/** Whether a day reached its target is told by form as well as by colour. A day with nothing to judge has no point. */
function point(share: number | null, target: number, look: Look, dense: boolean) {
  if (share === null) return { value: '-' }
  return share >= target
    ? { value: share, symbol: 'circle', symbolSize: dense ? 5 : 7, itemStyle: { color: look.ok } }
    : { value: share, symbol: 'diamond', symbolSize: dense ? 8 : 12, itemStyle: { color: look.danger } }
}

/** What the pointer tells of a day, as plain text. */
export function toldOf(days: Days, measures: readonly Measure[], place: number | undefined): string {
  const day = days[place ?? -1]
  if (!day) return ''
  return [`${day.day}：紧急救援 ${day.rescues} 起`, ...measures.map((one) => `${one.name} ${percent(day.shares[one.key] ?? null)}`)].join('\n')
}

/** What was needed, what is not closed, and what nobody needed. */
export const KINDS = ['确有需要', '未结', '误报（含误触、测试、本人取消）'] as const

export const byCount = (types: readonly TypeFigures[]): TypeFigures[] => [...types].sort((one, other) => other.alerts - one.alerts)

/** Alerts of each type, the most frequent on top, false ones apart (by stripes as well as by colour). */
export function typeOption(types: readonly TypeFigures[], look: Look): ChartOption {
  const rows = byCount(types)
  const left = Math.round(Math.min(180, look.width * 0.3))
  const parts = [
    { color: look.accent, of: (one: TypeFigures) => one.alerts - one.open - one.false },
    { color: look.warnings.blue, of: (one: TypeFigures) => one.open },
    { color: look.muted, of: (one: TypeFigures) => one.false },
  ]
  const { tooltip, ...rest } = base(look, typeWords(types))
  return {
    ...rest,
    tooltip: { ...tooltip, axisPointer: { type: 'shadow', shadowStyle: { color: look.muted, opacity: 0.15 } } },
    grid: { left, right: 92, top: 6, bottom: AXIS, outerBoundsMode: 'none' },
    xAxis: { type: 'value', minInterval: 1, splitNumber: look.width < 600 ? 3 : 6, axisLabel: { ...letters(look), hideOverlap: true }, splitLine: ruled(look) },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map((one) => one.title),
      axisLabel: { ...letters(look, look.text), interval: 0, width: left - 12, overflow: 'truncate' },
      axisLine: ruled(look),
      axisTick: { show: false },
    },
    series: parts.map(({ color, of }, place) => ({
      type: 'bar',
      name: KINDS[place],
      stack: 'alerts',
      barMaxWidth: 22,
      itemStyle: { color, decal: place === 2 ? { symbol: 'rect', color: look.surface, dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 } : undefined },
      label: {
        ...letters(look),
        show: place === 2,
        position: 'right',
        formatter: ({ dataIndex }: { dataIndex: number }) => `误报 ${percent(rows[dataIndex]?.false_share ?? null)}`,
      },
      data: rows.map(of),
    })),
  }
}

/** How many of each, the most first unless they have an order of their own. */
export function countOption(rows: readonly { word: string; count: number }[], words: string, look: Look): ChartOption {
  const left = Math.round(Math.min(150, look.width * 0.32))
  const { tooltip, ...rest } = base(look, words)
  return {
    ...rest,
    tooltip: { ...tooltip, axisPointer: { type: 'shadow', shadowStyle: { color: look.muted, opacity: 0.15 } } },
    grid: { left, right: 64, top: 6, bottom: AXIS, outerBoundsMode: 'none' },
    xAxis: { type: 'value', minInterval: 1, splitNumber: look.width < 600 ? 3 : 5, axisLabel: { ...letters(look), hideOverlap: true }, splitLine: ruled(look) },
    yAxis: { type: 'category', inverse: true, data: rows.map((one) => one.word), axisLabel: { ...letters(look, look.text), interval: 0, width: left - 12, overflow: 'truncate' }, axisLine: ruled(look), axisTick: { show: false } },
    series: [{ type: 'bar', barMaxWidth: 22, itemStyle: { color: look.accent }, label: { ...letters(look), show: true, position: 'right' }, data: rows.map((one) => one.count) }],
  }
}

/** The same in words, for those who do not see the chart; all figures are in the tables. */
export function dayWords(days: Days): string {
  const sum = (severity: Severity): number => days.reduce((count, each) => count + each.by_severity[severity], 0)
  const most = days.reduce<Days[number] | null>((best, each) => (each.alerts > (best?.alerts ?? 0) ? each : best), null)
  const all = days.reduce((count, each) => count + each.alerts, 0)
  return `每日告警柱形图，${days.length} 天共 ${all} 条：${SEVERITIES.map(({ severity, word }) => `${word}色 ${sum(severity)}`).join('，')}。${most ? `最多的一天是 ${dayWord(most.day)}，${most.alerts} 条。` : ''}逐日数字见下表。`
}

export function shareWords(days: Days, measures: readonly Measure[]): string {
  const said = measures.map((one) => {
    const judged = days.filter((each) => each.shares[one.key] != null)
    const short = judged.filter((each) => (each.shares[one.key] ?? 0) < one.target)
    const named = short.slice(0, 5).map((each) => `${dayWord(each.day)} ${percent(each.shares[one.key] ?? null)}`)
    const which = short.length === 0 ? '' : `（${named.join('，')}${short.length > named.length ? ' 等' : ''}）`
    return `${one.name}，目标 ${percent(one.target)}：${judged.length} 天可评价，${short.length} 天未达标${which}。`
  })
  return `逐日比例折线图。${said.join('')}逐日数字见下表。`
}

export function typeWords(types: readonly TypeFigures[]): string {
  const said = byCount(types).map((one) => `${one.title} ${one.alerts} 条，其中误报 ${one.false} 条`)
  return `各类型告警条形图。${said.slice(0, 10).join('；') || '没有告警'}。各类型数字见下表。`
}
