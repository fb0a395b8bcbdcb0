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

const TIER: Readonly<Record<string, string>> = {
  city: '市级中心',
  district: '区县中心',
  street: '街道（乡镇）中心',
  community: '社区站',
  point: '服务点',
  care_home: '养老机构',
}
export const tierWord = (tier: string): string => TIER[tier] ?? tier
