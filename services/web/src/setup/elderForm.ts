import type { ElderRecord } from '../api/setupTypes'

/** An elder's record as a form has it: every field a text, lists with 、 between. */
export interface ElderForm {
  name: string
  identity: string
  organization_id: string
  gender: string
  birth_date: string
  phone: string
  address: string
  living_situation: string
  care_categories: string[]
  ability_level: string
  assessed_on: string
  assessment_score: string
  assessor: string
  long_term_care_grade: string
  conditions: string
  medicines: string
  allergies: string
  health_notes: string
  entry_notes: string
  doctor_name: string
  doctor_phone: string
  contacts: { name: string; relation: string; phone: string }[]
}

const LISTED = ['conditions', 'medicines', 'allergies'] as const
/** Withheld while no alert is unresolved: a form that does not show them must not empty them. */
const WITHHELD = new Set(['conditions', 'medicines', 'allergies', 'health_notes', 'entry_notes'])
/** Said with a new assessment, and otherwise not shown here. */
const UNSHOWN = { identity: '', assessed_on: '', assessment_score: '', assessor: '' }

export function formOf(elder: ElderRecord | null): ElderForm {
  return {
    ...UNSHOWN,
    name: elder?.name ?? '',
    organization_id: elder?.organization_id ?? '',
    gender: elder?.gender ?? '',
    birth_date: elder?.birth_date ?? '',
    phone: elder?.phone ?? '',
    address: elder?.address ?? '',
    living_situation: elder?.living_situation ?? '',
    care_categories: [...(elder?.care_categories ?? [])],
    ability_level: elder?.ability_level ?? '',
    long_term_care_grade: elder?.long_term_care_grade?.toString() ?? '',
    conditions: (elder?.conditions ?? []).join('、'),
    medicines: (elder?.medicines ?? []).join('、'),
    allergies: (elder?.allergies ?? []).join('、'),
    health_notes: elder?.health_notes ?? '',
    entry_notes: elder?.entry_notes ?? '',
    doctor_name: elder?.doctor_name ?? '',
    doctor_phone: elder?.doctor_phone ?? '',
    contacts: (elder?.contacts ?? []).map((each) => ({ ...each, relation: each.relation ?? '' })),
  }
}

/** Of the form what is otherwise than it was: that alone is sent, and that alone is changed. */
export function changedFields(was: ElderForm, now: ElderForm): Record<string, unknown> {
  const said: Record<string, unknown> = {}
  for (const field of Object.keys(now) as (keyof ElderForm)[]) {
    if (JSON.stringify(was[field]) === JSON.stringify(now[field])) continue
    if (WITHHELD.has(field) && now[field] === '') continue
    said[field] = sent(field, now)
  }
  return said
}

function sent(field: keyof ElderForm, form: ElderForm): unknown {
  if (field === 'contacts') {
    const some = form.contacts.filter((each) => each.name.trim() !== '' || each.phone.trim() !== '')
    return some.map((each) => ({ name: each.name.trim(), relation: each.relation.trim() || null, phone: each.phone.trim() }))
  }
  if (field === 'care_categories') return form.care_categories
  if ((LISTED as readonly string[]).includes(field)) return listOf(form[field] as string)
  const text = (form[field] as string).trim()
  if (text === '') return null
  return field === 'long_term_care_grade' || field === 'assessment_score' ? Number(text) : text
}

const listOf = (text: string): string[] => text.split(/[、，,;；\n]+/).map((each) => each.trim()).filter(Boolean)
