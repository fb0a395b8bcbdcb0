/** What rules can watch: names and units as the server's own sentences have them. */

export interface Field {
  name: string
  unit: string
}

export const FIELDS: Readonly<Record<string, Field>> = {
  heart_rate: { name: '心率', unit: '次/分' },
  spo2: { name: '血氧', unit: '%' },
  body_temperature: { name: '体温', unit: '℃' },
  respiratory_rate: { name: '呼吸', unit: '次/分' },
  systolic: { name: '收缩压', unit: 'mmHg' },
  diastolic: { name: '舒张压', unit: 'mmHg' },
  steps: { name: '步数', unit: '步' },
  battery: { name: '电量', unit: '%' },
  rssi: { name: '信号', unit: 'dBm' },
}

/** Of these a person's own usual values are known. */
export const OWN_FIELDS = ['heart_rate', 'respiratory_rate', 'spo2', 'body_temperature'] as const

export const fieldName = (field: unknown): string => FIELDS[String(field)]?.name ?? String(field)
export const fieldUnit = (field: unknown): string => FIELDS[String(field)]?.unit ?? ''

/** "120 次/分", "92%" */
export function measured(value: unknown, field: unknown): string {
  const unit = fieldUnit(field)
  return unit === '' ? String(value) : `${String(value)}${unit === '%' ? '' : ' '}${unit}`
}
