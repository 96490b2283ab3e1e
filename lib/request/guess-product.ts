import { cut } from '../errors.ts'
import { DEFAULT_PRODUCT, PRODUCT_NAMES, type Product, productsIn, rowOf } from '../products.ts'
import { findNearest } from './nearest-name.ts'

/** A request has fewer fields than this. */
const MAX_NAMES = 20

/** The names of two products' instance fields differ by more. */
const MAX_TYPOS = 3

/**
 * The product that a request is for, whether it is valid or not: by its instance field, by one that is misspelt, or by a
 * field that no other product has. PostgreSQL when there is no hint, so that a request is told what it lacks.
 */
export function guessProduct(fields: Readonly<Record<string, unknown>>): Product {
	const [named] = productsIn(fields)
	if (named !== undefined) return named
	const names = Object.keys(fields)
		.slice(0, MAX_NAMES)
		.map((name) => cut(name))
	return findMisspelt(names) ?? findByOwnField(names) ?? DEFAULT_PRODUCT
}

function findMisspelt(names: readonly string[]): Product | undefined {
	const known = PRODUCT_NAMES.map((product) => rowOf(product).instanceField)
	const meant = names.map((name) => findNearest(name, known, MAX_TYPOS)).find((each) => each !== null)
	return PRODUCT_NAMES.find((product) => rowOf(product).instanceField === meant)
}

function findByOwnField(names: readonly string[]): Product | undefined {
	const fieldsOf = (product: Product): string[] => {
		const { fileField, choices } = rowOf(product)
		return [fileField, ...Object.keys(choices)]
	}
	const owners = names.map((name) => PRODUCT_NAMES.filter((product) => fieldsOf(product).includes(name)))
	return owners.find(({ length }) => length === 1)?.[0]
}
