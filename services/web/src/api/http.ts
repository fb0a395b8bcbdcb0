import { refusal, unreachable } from './failure'

/** A request without an answer after this long is given up, and may be sent again. */
const TIMEOUT_MS = 10_000

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  json?: unknown
  form?: Record<string, string>
  /** Sent as it is. */
  file?: Blob
  /** The answer is no JSON, and wanted as it is. */
  raw?: true
  timeoutMs?: number
  bearer?: string | null
}

type DateListener = (serverTime: number, askedAt: number, answeredAt: number) => void
let dateListener: DateListener = () => undefined

/** Told the `Date` of every answer: the first hint of the server's clock, before a heartbeat has come. */
export function onServerDate(listener: DateListener): void {
  dateListener = listener
}

/** The parsed JSON answer, or undefined for 204. Throws `Failure` for everything else. */
export async function send(path: string, call: Call = {}): Promise<unknown> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  let body: string | Blob | undefined
  if (call.form) {
    headers['Content-Type'] = 'application/x-www-form-urlencoded'
    body = new URLSearchParams(call.form).toString()
  } else if (call.file) {
    headers['Content-Type'] = 'application/octet-stream'
    body = call.file
  } else if (call.json !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(call.json)
  }
  if (call.bearer) headers.Authorization = `Bearer ${call.bearer}`

  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), call.timeoutMs ?? TIMEOUT_MS)
  const askedAt = Date.now()
  try {
    let answer: Response
    let text: string
    try {
      answer = await fetch(`/api/v1${path}`, {
        method: call.method ?? 'GET',
        headers,
        body,
        signal: abort.signal,
        cache: 'no-store',
        credentials: 'same-origin',
      })
      if (call.raw && answer.ok) return await answer.blob()
      text = await answer.text()
    } catch {
      throw unreachable()
    }
    const date = Date.parse(answer.headers.get('Date') ?? '')
    if (!Number.isNaN(date)) dateListener(date, askedAt, Date.now())
    const parsed = parse(text)
    if (!answer.ok) throw refusal(answer.status, parsed, answer.headers.get('Retry-After'))
    return parsed
  } finally {
    clearTimeout(timer)
  }
}

function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
