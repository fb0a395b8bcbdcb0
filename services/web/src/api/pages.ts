import { authorized } from '../signin/session'
import type { Page } from './types'

/** All items of a list, page by page. */
export async function everyPage<T>(path: string, query: URLSearchParams = new URLSearchParams()): Promise<T[]> {
  const all: T[] = []
  let cursor: string | null = null
  do {
    const page: Page<T> = await onePage<T>(path, query, cursor, 200)
    all.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return all
}

export async function onePage<T>(
  path: string,
  query: URLSearchParams,
  cursor: string | null,
  limit: number,
): Promise<Page<T>> {
  const asked = new URLSearchParams(query)
  asked.set('limit', String(limit))
  if (cursor !== null) asked.set('cursor', cursor)
  return (await authorized(`${path}?${asked}`)) as Page<T>
}
