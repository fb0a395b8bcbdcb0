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

interface Health {
  conditions?: readonly string[] | null
  medicines?: readonly string[] | null
  allergies?: readonly string[] | null
  health_notes: string | null
}

/** Allergies first: they are what must not be overlooked. Empty: nothing is registered. */
export function healthLines(elder: Health): { of: string; words: string }[] {
  const lines = [
    { of: '过敏', words: (elder.allergies ?? []).join('、') },
    { of: '疾病', words: (elder.conditions ?? []).join('、') },
    { of: '用药', words: (elder.medicines ?? []).join('、') },
    { of: '备注', words: elder.health_notes ?? '' },
  ]
  return lines.filter((line) => line.words !== '')
}
