import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSecretReader } from '../../lib/aws/secrets.ts'
import { callLocal } from '../call-local.ts'
import { type EmbeddedSecrets, startEmbeddedSecrets } from '../secrets-manager.ts'

let secrets: EmbeddedSecrets
let nowMs = 0
beforeEach(async () => {
	secrets = await startEmbeddedSecrets()
})
afterEach(() => secrets.stop())

const GOOD = {
	accessKey: 'AK',
	secretKey: 'SK',
	webhookSecrets: [`whsec_${Buffer.alloc(24, 1).toString('base64')}`],
}

const createReader = () =>
	createSecretReader(callLocal('secretsmanager', secrets.url, 'r'), 'ncp', () => nowMs)

it('reads once in five minutes, even for concurrent readers', async () => {
	secrets.put('ncp', JSON.stringify(GOOD))
	const { read } = createReader()
	expect(await Promise.all([read(), read()])).toEqual([GOOD, GOOD])
	nowMs += 299_999
	await read()
	expect(secrets.reads()).toBe(1)
	nowMs += 1
	await read()
	expect(secrets.reads()).toBe(2)
})

it('reads again when told to', async () => {
	secrets.put('ncp', JSON.stringify(GOOD))
	const { read, readAgain } = createReader()
	await read()
	secrets.put('ncp', JSON.stringify({ accessKey: 'AK2', secretKey: 'SK2' }))
	expect(await readAgain()).toEqual({ accessKey: 'AK2', secretKey: 'SK2', webhookSecrets: [] })
	expect((await read()).accessKey).toBe('AK2')
})

it('does not cache a failure', async () => {
	const { read } = createReader()
	await expect(read()).rejects.toThrow()
	secrets.put('ncp', JSON.stringify(GOOD))
	expect(await read()).toEqual(GOOD)
})

it('keeps the last good secret when it cannot be read again', async () => {
	secrets.put('ncp', JSON.stringify(GOOD))
	const { read, readAgain } = createReader()
	await read()
	secrets.put('ncp', 'broken')
	await expect(readAgain()).rejects.toThrow()
	expect(await read()).toEqual(GOOD)
})

it.each([
	'swordfish',
	'[]',
	'{"accessKey":"","secretKey":"swordfish"}',
	'{"accessKey":"a b","secretKey":"swordfish"}',
	'{"accessKey":"AK","secretKey":""}',
	'{"accessKey":"AK","secretKey":"swordfish","webhookSecrets":"x"}',
	'{"accessKey":"AK","secretKey":"swordfish","webhookSecrets":[1]}',
	'{"accessKey":"AK","secretKey":"swordfish","webhookSecrets":[""]}',
	'{"accessKey":"AK","secretKey":"swordfish","webhookSecrets":["whsec_c2hvcnQ="]}',
])('names the secret and its required format, never its value: %s', async (value) => {
	secrets.put('ncp', value)
	const error = await createReader()
		.read()
		.catch((thrown: Error) => thrown)
	expect(error).toMatchObject({
		message: expect.stringMatching(/^the secret ncp must be \{ "accessKey", "secretKey"/),
	})
	expect(String((error as Error).stack)).not.toContain('swordfish')
})
