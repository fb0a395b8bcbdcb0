/** Ability levels of GB/T 42195-2022. */
const ABILITY: Readonly<Record<string, string>> = {
  intact: '能力完好',
  mild: '轻度失能',
  moderate: '中度失能',
  severe: '重度失能',
  total: '完全失能',
}
export const abilityWord = (level: string | null): string => (level ? (ABILITY[level] ?? level) : '未评估')

const GENDER: Readonly<Record<string, string>> = { female: '女', male: '男' }
export const genderWord = (gender: string | null): string => (gender ? (GENDER[gender] ?? gender) : '')

/** Codes that a registry may use; text that is Chinese already stays as it is. */
const LIVING: Readonly<Record<string, string>> = {
  alone: '独居',
  with_spouse: '与配偶同住',
  with_family: '与家人同住',
  empty_nest: '空巢',
  care_home: '住养老机构',
}
export const livingWord = (living: string | null): string => (living ? (LIVING[living] ?? living) : '')

const CARE: Readonly<Record<string, string>> = {
  destitute: '特困供养',
  low_income: '低保',
  left_behind: '留守',
  living_alone: '独居',
  dementia: '失智',
  bereaved: '失独',
  disabled: '残疾',
  preferential: '优抚',
}
export const careWord = (category: string): string => CARE[category] ?? category

const TIER: Readonly<Record<string, string>> = {
  city: '市级中心',
  district: '区县中心',
  street: '街道（乡镇）中心',
  community: '社区站',
  point: '服务点',
  care_home: '养老机构',
}
export const tierWord = (tier: string): string => TIER[tier] ?? tier
