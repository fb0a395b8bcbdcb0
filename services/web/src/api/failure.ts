import type { Flaw } from './ruleTypes'

/**
 * Why a request did not do what it should, told apart by what can be done about it:
 * `unreachable` no answer came (ask again with the same body); `refused` the server said no, and why.
 */
export class Failure extends Error {
  constructor(
    readonly kind: 'unreachable' | 'refused',
    readonly status: number,
    /** The server's Chinese sentence for operators, or ours when it gave none. */
    readonly detail: string,
    readonly retryAfterSeconds: number | null = null,
    /** What is wrong with what was sent, part by part, where the server told it so. */
    readonly flaws: readonly Flaw[] = [],
    /** The password is right, and a code of the second factor is needed beside it. */
    readonly asksForCode = false,
    /** Of several that were to be changed at once: those that cannot be, and why. */
    readonly failed: readonly { id: string; message: string }[] = [],
  ) {
    super(detail)
    this.name = 'Failure'
  }

  /** The server may answer otherwise a moment later, to the very same request. */
  get passing(): boolean {
    return this.kind === 'unreachable' || this.status >= 500 || this.status === 408
  }
}

export const UNREACHABLE = '连不上服务器，请检查网络'

export function unreachable(): Failure {
  return new Failure('unreachable', 0, UNREACHABLE)
}

/** From an answer that is not 2xx; `problem` is its body, if it was JSON. */
export function refusal(status: number, problem: unknown, retryAfter: string | null): Failure {
  const told =
    typeof problem === 'object' && problem !== null && 'detail' in problem && typeof problem.detail === 'string'
      ? problem.detail
      : ''
  const seconds = retryAfter === null ? NaN : Number(retryAfter)
  return new Failure('refused', status, told || plainWords(status), Number.isFinite(seconds) ? seconds : null, flawsOf(problem), asksForCode(problem), failedOf(problem))
}

function asksForCode(problem: unknown): boolean {
  return typeof problem === 'object' && problem !== null && 'second_factor' in problem && problem.second_factor === true
}

function failedOf(problem: unknown): { id: string; message: string }[] {
  return typeof problem === 'object' && problem !== null && 'failed' in problem && Array.isArray(problem.failed)
    ? (problem.failed as { id: string; message: string }[])
    : []
}

function flawsOf(problem: unknown): Flaw[] {
  return typeof problem === 'object' && problem !== null && 'flaws' in problem && Array.isArray(problem.flaws)
    ? (problem.flaws as Flaw[])
    : []
}

function plainWords(status: number): string {
  if (status === 401) return '登录已失效，请重新登录'
  if (status === 403) return '没有权限做这一步'
  if (status === 404) return '找不到，或不在您的辖区内'
  if (status === 409) return '情况已变，请看最新状态'
  if (status === 422) return '填写的内容不符合要求'
  if (status === 429) return '操作太频繁，请稍候再试'
  if (status >= 500) return `服务器暂时不能处理（${status}）`
  return `请求未被接受（${status}）`
}

export function inWords(cause: unknown): string {
  return cause instanceof Failure ? cause.detail : `程序出错：${String(cause)}`
}
