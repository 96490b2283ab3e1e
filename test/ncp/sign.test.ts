import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Signable, sign, stringToSign } from '../../lib/ncp/sign.ts'

interface Vector extends Signable {
	name: string
	secretKey: string
	stringToSign: string
	signature: string
}

/** Made with openssl, not with our code. */
const vectors = JSON.parse(
	readFileSync(new URL('../fixtures/signature-vectors.json', import.meta.url), 'utf8'),
) as Vector[]

describe('sign', () => {
	it.each(vectors)('matches the known answer: $name', (vector) => {
		expect(stringToSign(vector)).toBe(vector.stringToSign)
		expect(sign(vector, vector.secretKey)).toBe(vector.signature)
	})
})
