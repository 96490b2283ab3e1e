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
])('finds for %j the name %j', (name, nearest) => {
	expect(findNearest(name, KNOWN)).toBe(nearest)
})

it('finds nothing where nothing is known', () => {
	expect(findNearest('a', [])).toBeNull()
})
