import { describe, expect, it } from 'vitest'
import { LOCAL_KEYS } from '../../../tools/local/cloud.ts'
import { createFaults } from '../../../tools/local/console/faults.ts'
import { FAULTS } from '../../../tools/local/console/words.ts'
import { toCall } from './sightings.ts'

const call = (fileName: string, cloudPostgresqlInstanceNo = '1') =>
	toCall({ cloudPostgresqlInstanceNo, fileName, bucketName: 'my-bucket', folderPath: 'f/', regionCode: 'KR' })

function setUp() {
	const done: string[] = []
	const faults = createFaults({
		killFunctions: () => done.push('kill'),
		failPublishes: (count) => done.push(`publishes ${count}`),
		setTableDown: (isDown) => done.push(`table ${isDown}`),
	})
	return { faults, done }
}

describe('a planted fault', () => {
	it.each([
		['lost-reply', 'cut', 1],
		['kill', 'perform-then-hang', 1],
		['busy', 'busy', 2],
		['throttled', 'throttle', 2],
	] as const)('%s answers calls with %s, so often: %i', (name, answer, times) => {
		const { faults, done } = setUp()
		faults.plant(name)
		for (let nth = 0; nth < times; nth++) {
			expect(faults.planted()).toEqual({ [name]: times - nth })
			expect(faults.onCall(call('a'))).toBe(answer)
		}
		expect(faults.planted()).toEqual({})
		expect(faults.onCall(call('a'))).toBeUndefined()
		expect(done).toEqual(name === 'kill' ? ['kill'] : [])
	})

	it('waits for the call that it is meant for', () => {
		const { faults } = setUp()
		faults.plant('lost-reply', { instanceNo: '1', fileName: 'a' })
		expect(faults.onCall(call('b'))).toBeUndefined()
		expect(faults.onCall(call('a', '2'))).toBeUndefined()
		expect(faults.onCall(call('a'))).toBe('cut')
	})

	it('never-lands loses the copy of one call, which is answered as it should be', () => {
		const { faults } = setUp()
		faults.plant('never-lands')
		expect(faults.onCall(call('a'))).toBeUndefined()
		expect([faults.losesCopy('f/b'), faults.losesCopy('f/a'), faults.losesCopy('f/a')]).toEqual([
			false,
			true,
			false,
		])
	})

	it('wrong-key changes the key that NCP knows, until it is removed', () => {
		const { faults } = setUp()
		const known = (): string | undefined => faults.keys.get(LOCAL_KEYS.accessKey)
		expect(known()).toBe(LOCAL_KEYS.secretKey)
		faults.plant('wrong-key')
		expect(known()).not.toBe(LOCAL_KEYS.secretKey)
		expect(faults.planted()).toEqual({ 'wrong-key': null })
		// It is of no call, and no call uses it up.
		expect(faults.onCall(call('a'))).toBeUndefined()
		faults.remove('wrong-key')
		expect(known()).toBe(LOCAL_KEYS.secretKey)
		expect(faults.planted()).toEqual({})
	})

	it('topic and table are down until they are removed', () => {
		const { faults, done } = setUp()
		for (const name of ['topic', 'table'] as const) {
			faults.plant(name)
			faults.remove(name)
		}
		expect(done).toEqual(['publishes Infinity', 'publishes 0', 'table true', 'table false'])
	})
})

it('says of every fault what happens and what is promised', () => {
	for (const { happens, promised } of FAULTS) {
		expect(happens).toMatch(/\.$/)
		expect(promised).toMatch(/\.$/)
	}
})
