import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import {
	isSameHolder,
	isSameInstance,
	toExportIdentity,
	toHolder,
	toInstance,
} from '../../lib/request/export-identity.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'

const API = 'https://ncp.example'
const REQUEST: ExportRequest = {
	product: 'postgresql',
	instanceNo: '1',
	fileName: 'f',
	bucketName: 'abc',
	regionCode: 'KR',
}

it('is the SHA-256 of the requested fields and the API', () => {
	const parts = '["https://ncp.example","vpostgresql","KR","1","f","abc"]'
	const expected = createHash('sha256').update(parts).digest('hex')
	expect(toExportIdentity(API, REQUEST)).toEqual({ exportKey: expected, fingerprint: expected })
})

it.each([
	{ instanceNo: '2' },
	{ fileName: 'g' },
	{ bucketName: 'abd' },
	{ regionCode: 'SGN' },
	{ folderPath: 'a/' },
	{ product: 'mysql' as const },
	{ chosen: { backupTypeMode: 'SYSTEM' } },
	// The same text, split differently between the fields.
	{ instanceNo: '1f', fileName: '' },
])('differs with %j', (changes) => {
	expect(toExportIdentity(API, { ...REQUEST, ...changes }).exportKey).not.toBe(
		toExportIdentity(API, REQUEST).exportKey,
	)
})

it('differs with the API, and with an absent region', () => {
	const { regionCode: _, ...rest } = REQUEST
	const keys = [
		toExportIdentity(API, REQUEST),
		toExportIdentity('https://fin.example', REQUEST),
		toExportIdentity(API, rest),
	]
	expect(new Set(keys.map(({ exportKey }) => exportKey)).size).toBe(3)
})

it('does not depend on the response format', () => {
	expect(toExportIdentity(API, { ...REQUEST, responseFormatType: 'json' })).toEqual(
		toExportIdentity(API, REQUEST),
	)
})

it('uses the caller’s key if there is one, and keeps the fingerprint of the request', () => {
	const one = toExportIdentity(API, { ...REQUEST, idempotencyKey: 'k' })
	const other = toExportIdentity(API, { ...REQUEST, fileName: 'g', idempotencyKey: 'k' })
	expect(one.exportKey).toBe(other.exportKey)
	expect(one.fingerprint).not.toBe(other.fingerprint)
	expect(one.fingerprint).toBe(toExportIdentity(API, REQUEST).fingerprint)
})

it('keeps the kinds of a Cache backup apart, each as its own holder of a destination', () => {
	const cache = { ...REQUEST, product: 'cache' as const }
	const system = { ...cache, chosen: { backupTypeMode: 'SYSTEM' } }
	const manual = { ...cache, chosen: { backupTypeMode: 'MANUAL' } }
	expect(toExportIdentity(API, system).exportKey).not.toBe(toExportIdentity(API, manual).exportKey)
	expect(toInstance(system)).toBe('vcache/KR/1')
	expect(toHolder(system)).toBe('vcache/KR/1/SYSTEM')
	expect(isSameInstance(toHolder(system), toHolder(manual))).toBe(true)
	expect(isSameHolder(toHolder(system), toHolder(manual))).toBe(false)
	expect(isSameHolder(toHolder(system), toHolder({ ...system, regionCode: undefined }))).toBe(true)
	expect(toHolder(REQUEST)).toBe(toInstance(REQUEST))
})

it('keeps instances of two products apart, also when their numbers are the same', () => {
	expect(isSameInstance(toInstance(REQUEST), toInstance({ ...REQUEST, product: 'mysql' }))).toBe(false)
})
