import { expect, it } from 'vitest'
import { findNearest } from '../../lib/request/nearest-name.ts'

const KNOWN = ['cloudPostgresqlInstanceNo', 'fileName', 'bucketName', 'regionCode']

it.each([
	['filename', 'fileName'],
	['flieName', 'fileName'],
	['bucket', 'bucketName'],
	['frobnicate', null],
	['bucketNames', 'bucketName'],
	['region_code', 'regionCode'],
	['cloudPostgreSqlInstanceNumber', 'cloudPostgresqlInstanceNo'],
	['', null],
	['constructor', null],
])('finds the nearest name of %j: %j', (name, nearest) => {
	expect(findNearest(name, KNOWN)).toBe(nearest)
})

it('finds nothing in an empty list', () => {
	expect(findNearest('a', [])).toBeNull()
})
