import { expect, it } from 'vitest'
import { healthLines } from '../elders/wording'
import { done, vitalWords, type Sheet } from './sheet'

const timeline = (kinds: string[]): Sheet =>
  ({ timeline: kinds.map((kind) => ({ at: kind, kind, by: null, note: null, body: null })) }) as unknown as Sheet

it('a vital sign has its unit, and no digit too many', () => {
  expect(vitalWords({ field: 'heart_rate', value: 112.4, at: '' })).toBe('心率 112 次/分')
  expect(vitalWords({ field: 'body_temperature', value: 37.26, at: '' })).toBe('体温 37.3 ℃')
})

it('what was done is told without what only screens want to know, and fits a page', () => {
  expect(done(timeline(['raised', 'seen', 'acknowledged'])).map((line) => line.words)).toEqual(['告警产生', '接警'])
  const long = done(timeline(['raised', ...Array<string>(20).fill('folded'), 'dispatched']))
  expect(long).toHaveLength(8)
  expect([long[0]?.words, long[7]?.words]).toEqual(['告警产生', '派员'])
})

it('a dispatch names who goes and when they come', () => {
  const body = { responder: '李某（虚构）', eta_minutes: 8 }
  const sheet = { timeline: [{ at: '', kind: 'dispatched', by: '陈静', note: null, body }] } as unknown as Sheet
  expect(done(sheet)[0]?.words).toBe('派员，陈静，李某（虚构），预计 8 分钟到')
})

it('what is registered of health is told by its kind, allergies first, and what is not registered not at all', () => {
  const elder = { conditions: ['冠心病', '高血压'], medicines: ['硝酸甘油'], allergies: ['青霉素'], health_notes: null }
  expect(healthLines(elder)).toEqual([
    { of: '过敏', words: '青霉素' },
    { of: '疾病', words: '冠心病、高血压' },
    { of: '用药', words: '硝酸甘油' },
  ])
})
