import { webcrypto } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sign } from '../../lib/ncp/sign.ts'

const signable = fc.record({
	method: fc.constantFrom('GET' as const, 'POST' as const),
	target: fc.webPath().map((path) => `/${path}`),
	timestamp: fc.nat().map(String),
	accessKey: fc.string({ minLength: 1 }).map((text) => text.toWellFormed()),
})
const secret = fc.string({ minLength: 1 }).map((text) => text.toWellFormed())

it('equals the HMAC that another implementation computes over the documented text', async () => {
	await fc.assert(
		fc.asyncProperty(signable, secret, async (input, secretKey) => {
			const bytes = (text: string) => new TextEncoder().encode(text)
			const algorithm = { name: 'HMAC', hash: 'SHA-256' }
			const key = await webcrypto.subtle.importKey('raw', bytes(secretKey), algorithm, false, ['sign'])
			const text = [input.method, ' ', input.target, '\n', input.timestamp, '\n', input.accessKey].join('')
			const expected = Buffer.from(await webcrypto.subtle.sign('HMAC', key, bytes(text))).toString('base64')
			expect(sign(input, secretKey)).toBe(expected)
		}),
	)
})

it('changes when any single character of the target changes', () => {
	fc.assert(
		fc.property(signable, secret, fc.nat(), (input, secretKey, position) => {
			const at = position % input.target.length
			const changed = `${input.target.slice(0, at)}~${input.target.slice(at + 1)}`
			fc.pre(changed !== input.target)
			expect(sign({ ...input, target: changed }, secretKey)).not.toBe(sign(input, secretKey))
		}),
	)
})
