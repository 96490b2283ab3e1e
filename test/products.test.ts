import { expect, it } from 'vitest'
import { productOf } from '../lib/products.ts'

it('finds a product by its instance field, and assumes PostgreSQL when there is none', () => {
	expect(productOf({ cloudPostgresqlInstanceNo: '1' })).toBe('postgresql')
	expect(productOf({})).toBe('postgresql')
	expect(productOf(Object.create({ cloudPostgresqlInstanceNo: '1' }))).toBe('postgresql')
})
