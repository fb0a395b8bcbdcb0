/** Times as a person types them into a field: 北京时间, which has no summer time, whatever the browser's zone. */

const OFFSET_MS = 8 * 3600_000
const DAY_MS = 86_400_000

/** "2026-11-23T09:30", as `<input type="datetime-local">` has it. */
export function localOf(time: number): string {
  return new Date(time + OFFSET_MS).toISOString().slice(0, 16)
}

/** The instant in ms; NaN of what is no time. */
export function instantOf(local: string): number {
  return Date.parse(`${local}:00+08:00`)
}

/** The midnight before. */
export function dayOf(time: number): number {
  return Math.floor((time + OFFSET_MS) / DAY_MS) * DAY_MS - OFFSET_MS
}

/** "2026-11-23T09:30:00+08:00" */
export function stamped(time: number): string {
  return `${new Date(time + OFFSET_MS).toISOString().slice(0, 19)}+08:00`
}
