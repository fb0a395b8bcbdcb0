import { expect, it } from 'vitest'
import { asTree } from './tree'

const organization = (id: string, parent_id: string | null) => ({ id, name: id, tier: 'community', parent_id })

it('each stands before those below it, and whose parent is not in the list is a root', () => {
  const list = [organization('b1', 'b'), organization('a', 'unseen'), organization('b', 'a'), organization('c', 'a')]
  expect(asTree(list).map(({ organization: { id }, depth }) => [id, depth])).toEqual([
    ['a', 0],
    ['b', 1],
    ['b1', 2],
    ['c', 1],
  ])
})
