/** Service requests: shapes, calls and words. */
import { onePage } from '../api/pages'
import type { Named, Page } from '../api/types'
import { authorized } from '../signin/session'

export type Step = 'accept' | 'assign' | 'done' | 'withdraw' | 'rate'

export interface ServiceRequest {
  id: string
  service: string
  words: string | null
  state: 'open' | 'accepted' | 'assigned' | 'done' | 'withdrawn'
  elder: Named | null
  device_id: string | null
  asked_by: Named | null
  requested_at: string
  holder: Named | null
  assigned_to: string | null
  steps: Step[]
  version: number
}

/** As many as somebody works through; the line says when there are more. */
const SHOWN = 100

export const listRequests = (organizationId: string): Promise<Page<ServiceRequest>> =>
  onePage<ServiceRequest>('/service-requests', new URLSearchParams({ organization_id: organizationId }), null, SHOWN)

export async function takeStep(id: string, step: Step, body: Record<string, unknown> = {}): Promise<ServiceRequest> {
  return (await authorized(`/service-requests/${encodeURIComponent(id)}/${step}`, { method: 'POST', json: body })) as ServiceRequest
}

const STEP: Readonly<Record<Step, string>> = { accept: '受理', assign: '派单', done: '办结', withdraw: '撤销', rate: '评价' }
export const stepWord = (step: Step): string => STEP[step]

const STATE: Readonly<Record<ServiceRequest['state'], string>> = {
  open: '待受理',
  accepted: '已受理',
  assigned: '已派单',
  done: '已办结',
  withdrawn: '已撤销',
}

/** "已派单 某超市，陈静 负责" */
export function standing(request: ServiceRequest): string {
  const to = request.assigned_to ? ` ${request.assigned_to}` : ''
  return `${STATE[request.state]}${to}${request.holder ? `，${request.holder.name} 负责` : ''}`
}

/** "服务请求 3 件，2 件待受理"; of a list that goes on, "100 件以上". */
export function sentence(requests: readonly ServiceRequest[], more: boolean): string {
  const open = requests.filter((one) => one.state === 'open').length
  return `服务请求 ${requests.length} 件${more ? '以上' : ''}${open > 0 ? `，${open} 件待受理` : ''}`
}
