import { describe, expect, it } from 'vitest'
import { fixedCredentials, rotatingCredentials } from '../../lib/ncp/key-pair.ts'
import type { KeyPair } from '../../lib/ports.ts'

const pair = (name: string): KeyPair => ({ accessKey: name, secretKey: 's' })

describe('rotatingCredentials', () => {
	it('does not read the secret again when another call has already read the new pair', async () => {
		let reads = 0
		const credentials = rotatingCredentials(
			async () => pair('old'),
			async () => pair(`new-${++reads}`),
		)
		await credentials.get()
		const version = credentials.version()
		expect(await Promise.all([credentials.refresh(version), credentials.refresh(version)])).toEqual([
			true,
			true,
		])
		expect(await credentials.refresh(version)).toBe(true)
		expect(reads).toBe(1)
	})

	it('returns false when the pair is unchanged or cannot be read', async () => {
		const same = rotatingCredentials(
			async () => pair('a'),
			async () => pair('a'),
		)
		await same.get()
		expect(await same.refresh(same.version())).toBe(false)
		const broken = rotatingCredentials(
			async () => pair('a'),
			() => Promise.reject(new Error('down')),
		)
		await broken.get()
		expect(await broken.refresh(broken.version())).toBe(false)
	})

	it('has a new version only when the pair is another', async () => {
		let current = pair('a')
		const credentials = rotatingCredentials(
			async () => current,
			async () => current,
		)
		expect(await credentials.get()).toEqual(pair('a'))
		const version = credentials.version()
		await credentials.get()
		expect(credentials.version()).toBe(version)
		current = { accessKey: 'a', secretKey: 'another' }
		expect(await credentials.get()).toEqual(current)
		expect(credentials.version()).not.toBe(version)
	})

	it('keeps the pair that it has when it cannot be read again, and tries once more the next time', async () => {
		let isDown = true
		const credentials = rotatingCredentials(
			async () => pair('old'),
			async () => {
				if (isDown) throw new Error('down')
				return pair('new')
			},
		)
		await credentials.get()
		const version = credentials.version()
		expect(await credentials.refresh(version)).toBe(false)
		expect(credentials.version()).toBe(version)
		isDown = false
		expect(await credentials.refresh(version)).toBe(true)
	})

	it('rejects when the pair cannot be read', async () => {
		const down = () => Promise.reject(new Error('down'))
		await expect(rotatingCredentials(down, down).get()).rejects.toThrow('down')
	})
})

describe('fixedCredentials', () => {
	it('never refreshes a fixed key pair', async () => {
		const credentials = fixedCredentials(pair('a'))
		expect(await credentials.refresh(0)).toBe(false)
		expect(await credentials.get()).toEqual(pair('a'))
		expect(credentials.version()).toBe(0)
	})
})
