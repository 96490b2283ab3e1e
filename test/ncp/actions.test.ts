import { describe, expect, it } from 'vitest'
import { createExportAction } from '../../lib/ncp/actions.ts'
import { toLostReply } from '../../lib/ncp/read-reply.ts'

const EXPORT_PATH = '/vpostgresql/v2/exportBackupToObjectStorage'

describe('createExportAction', () => {
	it('uses the product’s own path and field names, omits unset fields, and encodes a space as %20', async () => {
		const seen: unknown[] = []
		const call = createExportAction(async (...args) => {
			seen.push(args)
			return toLostReply(false, 'ECONNREFUSED')
		})
		await call({ product: 'postgresql', instanceNo: '1', fileName: 'a b', bucketName: 'c' }, 9)
		expect(seen).toEqual([[EXPORT_PATH, 'fileName=a%20b&bucketName=c&cloudPostgresqlInstanceNo=1', 9]])
	})

	it('sends all parameters in the API’s order, encoded as UTF-8, and gives what came back', async () => {
		const reply = toLostReply(true, 'ECONNRESET')
		const forms: string[] = []
		const call = createExportAction(async (_path, form) => {
			forms.push(form)
			return reply
		})
		const request = {
			product: 'postgresql',
			regionCode: 'KR',
			fileName: '가+&=%',
			bucketName: 'c',
			folderPath: 'd/e/',
			instanceNo: '1',
			responseFormatType: 'json',
			idempotencyKey: 'k',
		} as const
		expect(await call(request, 9)).toBe(reply)
		expect(forms).toEqual([
			'regionCode=KR&fileName=%EA%B0%80%2B%26%3D%25&bucketName=c&folderPath=d%2Fe%2F&cloudPostgresqlInstanceNo=1&responseFormatType=json',
		])
	})

	// Source: NCP API guide, exportBackupToObjectStorage of each product; typed in by hand.
	it.each([
		['mysql', {}, '/vmysql/v2/', 'fileName=f&bucketName=c&cloudMysqlInstanceNo=1'],
		['mongodb', {}, '/vmongodb/v2/', 'objectName=f&bucketName=c&cloudMongoDbInstanceNo=1'],
		[
			'cache',
			{ backupTypeMode: 'MANUAL' },
			'/vcache/v2/',
			'fileName=f&backupTypeMode=MANUAL&bucketName=c&cloudCacheInstanceNo=1',
		],
	] as const)('calls the action of %s', async (product, chosen, path, form) => {
		const seen: unknown[] = []
		const call = createExportAction(async (...args) => {
			seen.push(args)
			return toLostReply(false, 'ECONNREFUSED')
		})
		await call({ product, instanceNo: '1', fileName: 'f', chosen, bucketName: 'c' }, 9)
		expect(seen).toEqual([[`${path}exportBackupToObjectStorage`, form, 9]])
	})
})
