import type { PolicyForm } from './policyForm'

/** What somebody is typing, by the organisation: an alarm calls them away, and back. Gone when the page is loaded anew. */
export const policyDrafts = new Map<string, { form: PolicyForm; reason: string; version: number }>()
