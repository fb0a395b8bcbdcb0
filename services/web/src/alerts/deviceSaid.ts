import type { DeviceEvent } from '../api/types'

const STANDARD_GRAVITY = 9.80665

const FLAW: Readonly<Record<string, string>> = {
  ts: '时间',
  event_id: '编号',
  location: '定位',
  battery: '电量',
  detail: '附带内容',
  seq: '序号',
}

/** The rest of what an event said, in short lines: everything that is odd, and what it measured. */
export function remarks(event: DeviceEvent): string[] {
  const said: string[] = []
  if (event.cancelled) said.push('本人已按取消')
  if (event.clock_suspect) said.push(`设备时钟不准${event.device_ts ? `（设备自报 ${event.device_ts}）` : ''}，以收到时间为准`)
  if (event.event_id_reused) said.push('设备重复使用了编号，按新的一次处理')
  if (event.flaws.length > 0) {
    said.push(`未能读出：${event.flaws.map((flaw) => FLAW[flaw.field ?? ''] ?? flaw.field ?? '部分内容').join('、')}`)
  }
  const detail = { ...event.detail }
  const peak = peakAcceleration(detail.acceleration)
  if (peak !== null) said.push(`撞击峰值 ${peak.toFixed(1)} g`)
  delete detail.acceleration
  for (const [key, value] of Object.entries(detail)) {
    said.push(`${key}：${typeof value === 'string' ? value : JSON.stringify(value)}`)
  }
  return said
}

/** The largest magnitude among the samples, in g; null when there is nothing that reads as samples. */
export function peakAcceleration(acceleration: unknown): number | null {
  if (typeof acceleration !== 'object' || acceleration === null || !('samples' in acceleration)) return null
  const { samples } = acceleration
  if (!Array.isArray(samples)) return null
  const magnitudes = samples
    .filter((sample): sample is number[] => Array.isArray(sample) && sample.every((axis) => typeof axis === 'number'))
    .map((sample) => Math.hypot(...sample))
  const unit = 'unit' in acceleration && acceleration.unit === 'g' ? 1 : STANDARD_GRAVITY
  return magnitudes.length > 0 ? Math.max(...magnitudes) / unit : null
}
