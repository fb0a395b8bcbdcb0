import { onePage } from '../api/pages'
import type { Named, Page } from '../api/types'
import { authorized } from '../signin/session'

/** Shapes of commands to devices and of medicines, as far as these panels read them. */
export type Command = 'ring' | 'locate' | 'measure' | 'configure' | 'remind'
export type CommandState = 'asked' | 'sent' | 'done' | 'unsupported' | 'failed' | 'unanswered'

export interface DeviceCommand {
  id: string
  command: Command
  body: Record<string, unknown>
  asked_at: string
  asked_by: Named | null
  state: CommandState
  answered_at: string | null
  late: boolean
  result: Record<string, unknown> | null
}

export interface Medication {
  id: string
  medicine: string
  dose: string
  times: string[]
  weekdays: number[]
  starts_on: string
  ends_on: string | null
  grace_minutes: number
  note: string | null
}

export interface Dose {
  id: string
  due_at: string
  items: { medicine: string; dose: string }[]
  state: 'due' | 'reminded' | 'missed' | 'told' | 'taken' | 'ended'
  reminders: number
  taken_at: string | null
  taken_by: string | null
}

export interface Medicines {
  plans: Medication[]
  doses: Dose[]
}

const part = encodeURIComponent

export const listCommands = (device: string): Promise<Page<DeviceCommand>> =>
  onePage(`/devices/${part(device)}/commands`, new URLSearchParams(), null, 10)

export async function askDevice(device: string, command: Command, more: Record<string, unknown> = {}): Promise<DeviceCommand> {
  return (await authorized(`/devices/${part(device)}/commands`, { method: 'POST', json: { command, ...more } })) as DeviceCommand
}

export const getMedicines = async (elder: string): Promise<Medicines> => (await authorized(`/elders/${part(elder)}/medication`)) as Medicines

export async function addMedication(elder: string, plan: Record<string, unknown>): Promise<Medicines> {
  return (await authorized(`/elders/${part(elder)}/medication`, { method: 'POST', json: plan })) as Medicines
}

export async function endMedication(elder: string, plan: string): Promise<Medicines> {
  return (await authorized(`/elders/${part(elder)}/medication/${part(plan)}`, { method: 'DELETE' })) as Medicines
}

export async function sayTaken(elder: string, dose: string): Promise<Medicines> {
  return (await authorized(`/elders/${part(elder)}/medication/doses/${part(dose)}/taken`, { method: 'POST' })) as Medicines
}

export interface Bed {
  id: string
  building: string
  room: string
  bed: string
  elder: Named | null
  since: string | null
}

export const listBeds = async (home: string): Promise<Bed[]> => ((await authorized(`/organizations/${part(home)}/beds`)) as { items: Bed[] }).items

export async function addBeds(home: string, room: { building: string; room: string; beds: string[] }): Promise<Bed[]> {
  return ((await authorized(`/organizations/${part(home)}/beds`, { method: 'POST', json: room })) as { items: Bed[] }).items
}

export async function giveBed(home: string, bed: string, elder: string | null): Promise<Bed[]> {
  return ((await authorized(`/organizations/${part(home)}/beds/${part(bed)}`, { method: 'PUT', json: { elder_id: elder } })) as { items: Bed[] }).items
}

export async function removeBed(home: string, bed: string): Promise<Bed[]> {
  return ((await authorized(`/organizations/${part(home)}/beds/${part(bed)}`, { method: 'DELETE' })) as { items: Bed[] }).items
}

/** Bound to a room; where it is seen is told of a look alone. */
export interface Camera {
  id: string
  building: string | null
  room: string
  name: string
}
export interface NewCamera {
  building?: string
  room: string
  name: string
  link: string
}
/** Of a care home's rooms, or of an elder's own home. */
export type CameraOwner = { of: 'organizations' | 'elders'; id: string }
const camerasAt = ({ of, id }: CameraOwner): string => `/${of}/${part(id)}/cameras`

export const listCameras = async (owner: CameraOwner): Promise<Camera[]> => ((await authorized(camerasAt(owner))) as { items: Camera[] }).items

export async function bindCamera(owner: CameraOwner, camera: NewCamera): Promise<Camera[]> {
  return ((await authorized(camerasAt(owner), { method: 'POST', json: camera })) as { items: Camera[] }).items
}

export async function removeCamera(owner: CameraOwner, camera: string): Promise<Camera[]> {
  return ((await authorized(`${camerasAt(owner)}/${part(camera)}`, { method: 'DELETE' })) as { items: Camera[] }).items
}

export const camerasOfAlert = async (alert: string): Promise<Camera[]> => ((await authorized(`/alerts/${part(alert)}/cameras`)) as { items: Camera[] }).items

/** The link; the look is recorded. */
export async function lookThrough(alert: string, camera: string): Promise<string> {
  return ((await authorized(`/alerts/${part(alert)}/cameras/${part(camera)}`, { method: 'POST' })) as { link: string }).link
}
