import { expect, it } from 'vitest'
import { productOf } from '../lib/products.ts'

it('knows a product by its instance field, and takes PostgreSQL for a request that names none', () => {
	expect(productOf({ cloudPostgresqlInstanceNo: '1' })).toBe('postgresql')
	expect(productOf({})).toBe('postgresql')
	expect(productOf(Object.create({ cloudPostgresqlInstanceNo: '1' }))).toBe('postgresql')
})
