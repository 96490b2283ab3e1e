import { expect, it } from 'vitest'
import { guessProduct } from '../../lib/request/guess-product.ts'

it.each([
	['its instance field', { cloudMysqlInstanceNo: '1' }, 'mysql'],
	['the first of two instance fields', { cloudCacheInstanceNo: '1', cloudMysqlInstanceNo: '1' }, 'mysql'],
	['a misspelt instance field', { cloudMongodbInstanceNumber: 1, cloudMongoDBInstanceNo: '1' }, 'mongodb'],
	['a field that no other product has', { objectName: 'x', bucketName: 'b' }, 'mongodb'],
	['a choice that no other product has', { backupTypeMode: 'SYSTEM' }, 'cache'],
	['nothing', { fileName: 'x' }, 'postgresql'],
	['a name that is close to none', { instanceNo: '1', cloudInstanceNo: '1' }, 'postgresql'],
	['no fields', {}, 'postgresql'],
])('goes by %s', (_name, fields, product) => {
	expect(guessProduct(fields)).toBe(product)
})

it('reads no more than twenty names', () => {
	const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`x${index}`, 1]))
	expect(guessProduct({ ...many, objectName: 'x' })).toBe('postgresql')
	expect(guessProduct({ ...many, cloudMongoDbInstanceNo: '1' })).toBe('mongodb')
})
