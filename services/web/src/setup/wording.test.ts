import { expect, it } from 'vitest'
import type { Change } from '../api/setupTypes'
import { differencesOf } from './wording'

const change = (more: Partial<Change>): Change => ({
  id: 1,
  at: '2026-11-30T08:00:00Z',
  subject: 'elder',
  subject_id: 'e1',
  what: 'changed',
  actor: '陈静',
  before: null,
  after: null,
  ...more,
})
const NAMES = new Map([
  ['o1', '北禅社区'],
  ['o2', '西禅社区'],
])

it('says what a field was and is', () => {
  const before = { address: '安和路1号', care_categories: ['低保'], organization_id: 'o1', phone: null }
  const after = { address: '康宁路9号', care_categories: [], organization_id: 'o2', phone: '023-00000011' }
  expect(differencesOf(change({ before, after }), NAMES)).toEqual([
    '地址：安和路1号 → 康宁路9号',
    '护理类别：低保 → 空',
    '所属机构：北禅社区 → 西禅社区',
    '电话：空 → 023-00000011',
  ])
})

it('says of a secret only that it changed', () => {
  expect(differencesOf(change({ before: { identity_hash: '…' }, after: { identity_hash: '…' } }), NAMES)).toEqual(['身份证号：已更换'])
})

it('says what was added', () => {
  const after = { elder_id: null, name: '陈某', relation: null, phone: '1', position: 1, unheard_of: 3 }
  expect(differencesOf(change({ what: 'contact added', after }), NAMES)).toEqual(['姓名：陈某', '电话：1', '顺序：1'])
})
