import { onScopeDispose, readonly, shallowRef, watch, type Ref } from 'vue'
import { getOnDuty } from '../api/dutyCalls'
import type { OnDuty } from '../api/dutyTypes'

/** A roster changes when a person changes it, and a gap comes by the clock, which is read each second. */
const EVERY_MS = 60_000
/** A gap is told a night's sleep ahead: soon enough to find somebody. */
const AHEAD_MS = 12 * 3600_000

const clock = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai' })

/** "今天 22:00", "明天 06:00"; later days are not asked for. */
function moment(at: number, now: number): string {
  if (day.format(at) === day.format(now)) return clock.format(at)
  return `${day.format(at) === day.format(now + 86_400_000) ? '明天' : day.format(at).slice(5)} ${clock.format(at)}`
}

/** "现在无人当班，到 明天 08:00", "22:00 起无人当班，到 明天 08:00"; null while somebody is, and without a roster. */
export function gapWords(duty: OnDuty | null, now: number): string | null {
  if (!duty?.has_roster) return null
  const { next_gap: gap, until } = duty
  if (duty.people.length === 0) {
    const end = until === null ? NaN : Date.parse(until)
    if (end <= now) return null // somebody has come since it was asked
    return Number.isNaN(end) ? '现在无人当班' : `现在无人当班，到 ${moment(end, now)}`
  }
  if (!gap) return null
  const [begins, ends] = [Date.parse(gap.begins_at), Date.parse(gap.ends_at)]
  if (begins - now > AHEAD_MS || ends <= now) return null
  return `${begins <= now ? '现在' : `${moment(begins, now)} 起`}无人当班，到 ${moment(ends, now)}`
}

/** Who is on shift at an organisation, asked for while the stream is live, until the scope ends. */
export function watchDuty(organizationId: string, live: Ref<boolean>) {
  const duty = shallowRef<OnDuty | null>(null)
  let over = false

  async function ask(): Promise<void> {
    if (!live.value) return
    // What was known stays: whoever asks again in a moment needs no word about it.
    const told = await getOnDuty(organizationId).catch(() => duty.value)
    if (!over) duty.value = told
  }

  const timer = setInterval(() => void ask(), EVERY_MS)
  watch(live, (now) => now && void ask(), { immediate: true })
  onScopeDispose(() => {
    over = true
    clearInterval(timer)
  })
  return readonly(duty)
}
