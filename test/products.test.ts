import { expect, it } from 'vitest'
import { LISTED_PRODUCTS, PRODUCT_NAMES, productOf, productsIn, rowOf } from '../lib/products.ts'

it('finds a product by its instance field, and assumes PostgreSQL when there is none', () => {
	expect(productOf({ cloudPostgresqlInstanceNo: '1' })).toBe('postgresql')
	expect(productOf({})).toBe('postgresql')
	expect(productOf(Object.create({ cloudPostgresqlInstanceNo: '1' }))).toBe('postgresql')
})

it('finds each product by a field that no other has', () => {
	for (const product of PRODUCT_NAMES)
		expect(productsIn({ [rowOf(product).instanceField]: '1' })).toEqual([product])
})

it('knows which products NCP documents lists for', () => {
	expect(LISTED_PRODUCTS).toEqual(['postgresql', 'mysql'])
})

// Source: NCP API guide, typed in by hand.
it.each([
	['postgresql', 'getCloudPostgresqlInstanceList', 'cloudPostgresqlBackupDetailList'],
	['mysql', 'getCloudMysqlInstanceList', 'cloudMysqlBackupDetailList'],
] as const)('names the lists of %s', (product, action, list) => {
	const { discovery } = rowOf(product)
	expect(discovery?.instances.action).toBe(action)
	expect(discovery?.backups.list).toBe(list)
	expect(discovery?.backups.action).toBe(`get${list.replace('c', 'C')}`)
})
