import { expect, it } from 'vitest'
import { destinationTaken } from '../../lib/export/destination-taken.ts'

const REQUEST = { product: 'postgresql', instanceNo: '1', fileName: 'f', bucketName: 'my-bucket' } as const

it.each([
	[{}, 'bucketName', 'give each instance a folderPath of its own, or another bucket'],
	[{ folderPath: 'a/' }, 'folderPath', 'give each instance a folder of its own, or another bucket'],
])('says the way out for a request with %o', (fields, field, wayOut) => {
	expect(destinationTaken({ ...REQUEST, ...fields }, 'vpostgresql/KR/2')).toMatchObject({
		code: 'DESTINATION_TAKEN',
		problems: [{ field, detail: expect.stringMatching(new RegExp(`vpostgresql/KR/2.*${wayOut}`)) }],
	})
})

it('proposes no folder to a product that has none, and names another kind of backup of the same instance', () => {
	const cache = { ...REQUEST, product: 'cache', chosen: { backupTypeMode: 'SYSTEM' } } as const
	expect(destinationTaken(cache, 'vcache/KR/1/MANUAL').message).toContain(
		'bucketName already receives a file of this name from another kind of backup (vcache/KR/1/MANUAL): name another bucket',
	)
	expect(destinationTaken(cache, 'vcache/KR/2/SYSTEM').message).toContain('from another instance')
})
