import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createSigner } from '../../lib/aws/sign-request.ts'

const CREDENTIALS = {
	accessKeyId: 'AKIDEXAMPLE',
	secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
const NOW = Date.UTC(2015, 7, 30, 12, 36)
const SCOPE = 'AKIDEXAMPLE/20150830/us-east-1/service/aws4_request'

/** From AWS's published test suite for Signature Version 4: post-vanilla and post-x-www-form-urlencoded. */
it.each([
	[{}, '', 'host;x-amz-date', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
	[
		{ 'content-type': 'application/x-www-form-urlencoded' },
		'Param1=value1',
		'content-type;host;x-amz-date',
		'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
	],
])('produces the signature of AWS’s published example: %j %s', (headers, body, names, signature) => {
	const sign = createSigner('service', 'us-east-1')
	const signed = sign(
		{ headers: { host: 'example.amazonaws.com', ...headers }, body, nowMs: NOW },
		CREDENTIALS,
	)
	expect(signed['x-amz-date']).toBe('20150830T123600Z')
	expect(signed.authorization).toBe(
		`AWS4-HMAC-SHA256 Credential=${SCOPE}, SignedHeaders=${names}, Signature=${signature}`,
	)
})

/** A hash with the interface that the SDK's signer requires. */
class Sha256 {
	readonly #hash
	constructor(secret?: unknown) {
		this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array)
	}
	update(data: unknown): void {
		this.#hash.update(data as Uint8Array)
	}
	async digest(): Promise<Uint8Array> {
		return this.#hash.digest()
	}
	reset(): void {
		throw new Error('not called')
	}
}

it('produces the same signature as the SDK for any body, session and time', async () => {
	// One signer for all runs: its cached key must match the day and the credentials.
	const sign = createSigner('sns', 'eu-1')
	const property = fc.asyncProperty(
		fc.string({ unit: 'grapheme' }),
		fc.option(fc.stringMatching(/^[A-Za-z0-9+/]{1,40}$/), { nil: undefined }),
		fc.constantFrom('secret-1', 'secret-2'),
		fc.constantFrom(0, 1, 2, 3).map((days) => NOW + days * 43_200_000),
		async (body, sessionToken, secretAccessKey, nowMs) => {
			const credentials = {
				...CREDENTIALS,
				secretAccessKey,
				...(sessionToken === undefined ? {} : { sessionToken }),
			}
			const headers = { host: 'h', 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'T.Op' }
			const ours = sign({ headers, body, nowMs }, credentials)
			const signer = new SignatureV4({
				service: 'sns',
				region: 'eu-1',
				credentials,
				sha256: Sha256,
				applyChecksum: false,
			})
			const theirs = await signer.sign(
				{ method: 'POST', protocol: 'https:', hostname: 'h', path: '/', headers, body },
				{ signingDate: new Date(nowMs) },
			)
			expect(ours.authorization).toBe(theirs.headers.authorization)
		},
	)
	await fc.assert(property, { numRuns: 200 })
})
