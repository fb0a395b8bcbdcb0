import { expect, it } from 'vitest'
import { changedFields, formOf } from './elderForm'

it('sends what is otherwise, and nothing else', () => {
  const was = formOf(null)
  const now = {
    ...formOf(null),
    name: ' 陈某 ',
    conditions: '高血压，冠心病',
    long_term_care_grade: '2',
    care_categories: ['低保'],
    contacts: [
      { name: '陈某丽', relation: '', phone: ' 13800000000 ' },
      { name: '', relation: '', phone: '' },
    ],
  }
  expect(changedFields(was, now)).toEqual({
    name: '陈某',
    conditions: ['高血压', '冠心病'],
    long_term_care_grade: 2,
    care_categories: ['低保'],
    contacts: [{ name: '陈某丽', relation: null, phone: '13800000000' }],
  })
  expect(changedFields(now, now)).toEqual({})
})

it('empties a field that is emptied, but none that is withheld', () => {
  const was = { ...formOf(null), phone: '1', entry_notes: '钥匙' }
  expect(changedFields(was, { ...was, phone: '', entry_notes: '' })).toEqual({ phone: null })
})
