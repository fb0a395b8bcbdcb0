import { readonly, ref } from 'vue'
import { onServerDate } from '../api/http'
import { dated, heard, offset, UNKNOWN_CLOCK, type ServerClock } from './serverClock'

let clock: ServerClock = UNKNOWN_CLOCK
const second = ref(Date.now())

/** Server time in ms, for what must be exact now. */
export function serverNow(): number {
  return Date.now() + offset(clock)
}

/** Server time, rounded down to a whole second: what running clocks on the screen follow. */
export const serverSecond = readonly(second)

function tick(): void {
  const whole = Math.floor(serverNow() / 1000) * 1000
  if (whole !== second.value) second.value = whole
}

export function hearHeartbeat(at: string): void {
  const serverTime = Date.parse(at)
  if (Number.isNaN(serverTime)) return
  clock = heard(clock, serverTime, Date.now())
  tick()
}

export function startClock(): void {
  onServerDate((serverDate, askedAt, answeredAt) => {
    clock = dated(clock, serverDate, askedAt, answeredAt)
    tick()
  })
  tick()
  // Four looks a second keep the shown second within 250 ms of the true one.
  setInterval(tick, 250)
}
