import type { Organization } from '../api/types'

export interface Branch {
  organization: Organization
  /** 0 for those without a parent in the list. */
  depth: number
}

/** The organisations as a tree read from top to bottom, each before those below it. */
export function asTree(organizations: readonly Organization[]): Branch[] {
  const ids = new Set(organizations.map((each) => each.id))
  const below = new Map<string | null, Organization[]>()
  for (const each of organizations) {
    const parent = each.parent_id !== null && ids.has(each.parent_id) ? each.parent_id : null
    below.set(parent, [...(below.get(parent) ?? []), each])
  }
  const branches: Branch[] = []
  const walk = (parent: string | null, depth: number): void => {
    for (const organization of below.get(parent) ?? []) {
      branches.push({ organization, depth })
      walk(organization.id, depth + 1)
    }
  }
  walk(null, 0)
  return branches
}
