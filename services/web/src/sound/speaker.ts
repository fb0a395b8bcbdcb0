import { readonly, ref } from 'vue'
import { pulses, type Signal } from './schedule'

/** `blocked`: the browser wants a person to touch the page first, or has taken the speaker away. */
export type SpeakerState = 'on' | 'blocked' | 'unsupported'

const state = ref<SpeakerState>('blocked')
export const speakerState = readonly(state)

let context: AudioContext | null = null
let timbre: PeriodicWave | null = null

/** Rise and fall of a pulse, s: a tenth of the shortest, so that it does not click. */
const RAMP = 0.012
const LOUDNESS = 0.5

function follow(): void {
  state.value = context?.state === 'running' ? 'on' : 'blocked'
}

function prepare(): AudioContext | null {
  if (context) return context
  if (typeof AudioContext === 'undefined') {
    state.value = 'unsupported'
    return null
  }
  context = new AudioContext()
  context.onstatechange = follow
  // IEC 60601-1-8 asks for at least four harmonics of similar strength, so that the ear finds the direction and
  // no single loudspeaker resonance hides it.
  timbre = context.createPeriodicWave(new Float32Array(7), new Float32Array([0, 1, 0.7, 0.6, 0.5, 0.4, 0.3]))
  follow()
  return context
}

/** To be called from a click or a key: only then does a browser let a page sound. */
export async function enableSound(): Promise<void> {
  const ready = prepare()
  if (!ready) return
  if (ready.state !== 'running') await ready.resume().catch(() => undefined)
  follow()
}

export function sound(signal: Signal): void {
  if (!context || !timbre || context.state !== 'running') return
  const begin = context.currentTime + 0.03
  for (const pulse of pulses(signal)) {
    const oscillator = context.createOscillator()
    const envelope = context.createGain()
    oscillator.setPeriodicWave(timbre)
    oscillator.frequency.value = pulse.pitch
    const at = begin + pulse.at
    envelope.gain.setValueAtTime(0, at)
    envelope.gain.linearRampToValueAtTime(LOUDNESS, at + RAMP)
    envelope.gain.setValueAtTime(LOUDNESS, at + pulse.length - RAMP)
    envelope.gain.linearRampToValueAtTime(0, at + pulse.length)
    oscillator.connect(envelope).connect(context.destination)
    oscillator.start(at)
    oscillator.stop(at + pulse.length + 0.05)
  }
}

/** Any first touch of the page turns the sound on; where the browser allows it, none is needed. */
export function enableSoundOnFirstTouch(): void {
  prepare()
  const touched = (): void => {
    if (state.value !== 'on') void enableSound()
  }
  for (const kind of ['pointerdown', 'keydown'] as const) window.addEventListener(kind, touched, { capture: true })
}
