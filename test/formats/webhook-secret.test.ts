import { describe, expect, it } from 'vitest'
import { isSoundSecret } from '../../lib/formats/webhook-secret.ts'

const secretOf = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64')

describe('isSoundSecret', () => {
	it.each([24, 32, 64])('takes %i bytes, with and without the prefix', (bytes) => {
		expect(isSoundSecret(secretOf(bytes))).toBe(true)
		expect(isSoundSecret(`whsec_${secretOf(bytes)}`)).toBe(true)
	})

	it.each([0, 1, 23, 65])('refuses %i bytes', (bytes) => {
		expect(isSoundSecret(secretOf(bytes))).toBe(false)
		expect(isSoundSecret(`whsec_${secretOf(bytes)}`)).toBe(false)
	})

	it.each([
		['a short text', 'short'],
		['text that is not base64', 'not base64 !! not base64 !! not base64 !!'],
		['base64 of URLs', `whsec_${Buffer.alloc(24, 0xff).toString('base64url')}`],
		['another prefix', `whpk_${secretOf(24)}`],
		['the prefix twice', `whsec_whsec_${secretOf(24)}`],
		['a line end', `${secretOf(24)}\n`],
		['two secrets', `${secretOf(24)} ${secretOf(24)}`],
	])('refuses %s', (_name, secret) => {
		expect(isSoundSecret(secret)).toBe(false)
	})
})
