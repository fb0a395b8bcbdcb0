import { describe, expect, it } from 'vitest'
import { returnIn, startAddress } from './oidc'

describe('the way back from a provider', () => {
  it('brings a ticket, or a sentence of ours', () => {
    expect(returnIn('#oidc=abc-_1')).toEqual({ ticket: 'abc-_1' })
    expect(returnIn('#oidc-trouble=unknown')).toEqual({ trouble: '您的身份还没有绑定到本系统的账号，请联系管理员' })
    expect(returnIn('#oidc-trouble=请打电话给骗子')).toEqual({ trouble: '统一登录没有成功，请再试' })
  })

  it('is no other address', () => {
    for (const hash of ['', '#', '#/alerts/01a2', '#/elders?oidc']) expect(returnIn(hash)).toBeNull()
  })

  it('leads to the page that one came from', () => {
    expect(startAddress('/family/')).toBe('/api/v1/oidc/start?back=%2Ffamily%2F')
    expect(startAddress('/visits')).toBe('/api/v1/oidc/start?back=%2Fvisits')
    expect(startAddress('/anything')).toBe('/api/v1/oidc/start?back=%2F')
  })
})
