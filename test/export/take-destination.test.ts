import { expect, it } from 'vitest'
import { takeDestination } from '../../lib/export/take-destination.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { createMemoryDestinations, type MemoryDestinations } from '../fakes.ts'

const REQUEST: ExportRequest = {
	product: 'postgresql',
	instanceNo: '1',
	fileName: 'f',
	bucketName: 'my-bucket',
	regionCode: 'KR',
}

const take = (changes: Partial<ExportRequest>, destinations: MemoryDestinations) =>
	takeDestination({ ...REQUEST, ...changes }, 'key', { destinations, now: () => 1 })

it('gives a destination to one instance, again and again', async () => {
	const destinations = createMemoryDestinations()
	expect(await take({}, destinations)).toBeNull()
	expect(await take({}, destinations)).toBeNull()
})

it.each([
	[{}, 'bucketName', 'give each instance a folderPath of its own, or another bucket'],
	[{ folderPath: 'a/' }, 'folderPath', 'give each instance a folder of its own, or another bucket'],
])(
	'says the way out of a destination that is taken, for a request with %o',
	async (fields, field, wayOut) => {
		const destinations = createMemoryDestinations()
		await take(fields, destinations)
		expect(await take({ ...fields, instanceNo: '2' }, destinations)).toMatchObject({
			code: 'DESTINATION_TAKEN',
			problems: [{ field, detail: expect.stringMatching(new RegExp(`vpostgresql/KR/1.*${wayOut}`)) }],
		})
	},
)

it('refuses no one when destinations may be shared', async () => {
	const destinations = createMemoryDestinations('shared')
	expect(await take({}, destinations)).toBeNull()
	expect(await take({ instanceNo: '2' }, destinations)).toBeNull()
})
