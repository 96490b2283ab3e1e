import { describe, expect, it } from 'vitest'
import { classifyCode } from '../../lib/ncp/return-codes.ts'

describe('classifyCode', () => {
	it.each([
		[400, '100', 'refused'],
		[401, '200', 'credentials'],
		[401, '210', 'credentials'],
		[404, '300', 'refused'],
		[429, '400', 'later'],
		[429, '410', 'later'],
		[429, '420', 'later'],
		[413, '430', 'refused'],
		[503, '500', 'later'],
		[504, '510', 'unknown'],
		[500, '900', 'unknown'],
	])('classifies HTTP %i with gateway code %s as %s, whatever the status', (httpStatus, code, kind) => {
		expect(classifyCode('gateway', code, httpStatus).kind).toBe(kind)
		expect(classifyCode('gateway', code, 418).kind).toBe(kind)
	})

	it.each([
		['1000', 'later'],
		['3000', 'later'],
		['5001005', 'later'],
		['5001017', 'refused'],
		['5001269', 'refused'],
	])('classifies API code %s as %s in both envelopes', (code, kind) => {
		expect(classifyCode('api', code, 418).kind).toBe(kind)
		expect(classifyCode('response', code, 200).kind).toBe(kind)
	})

	it.each([
		[400, 'refused'],
		[499, 'refused'],
		[500, 'later'],
		[200, 'unknown'],
		[302, 'unknown'],
	])('uses HTTP %i when the API code is in no table', (httpStatus, kind) => {
		expect(classifyCode('api', '77', httpStatus).kind).toBe(kind)
		expect(classifyCode('response', '77', httpStatus).kind).toBe(kind)
	})

	it('does not mistake a gateway code for an API code', () => {
		expect(classifyCode('gateway', '5001005', 400).kind).toBe('refused')
		expect(classifyCode('api', '200', 400).kind).toBe('refused')
		expect(classifyCode('api', '0', 200).kind).toBe('unknown')
		expect(classifyCode('gateway', '0', 200).kind).toBe('unknown')
	})

	it.each([
		[200, 'unknown'],
		[302, 'unknown'],
		[408, 'later'],
		[429, 'later'],
		[403, 'refused'],
		[500, 'unknown'],
		[504, 'unknown'],
	])('goes by HTTP %i alone when there is no code', (httpStatus, kind) => {
		expect(classifyCode('none', null, httpStatus)).toEqual({ kind })
		expect(classifyCode('response', null, httpStatus)).toEqual({ kind })
		expect(classifyCode('none', '0', httpStatus)).toEqual({ kind })
		expect(classifyCode('gateway', '77', httpStatus)).toEqual({ kind })
	})

	it('waits longer where a code says that it takes longer', () => {
		expect(classifyCode('gateway', '400', 429)).toEqual({ kind: 'later', firstWaitSeconds: 300 })
		expect(classifyCode('api', '5001005', 400)).toEqual({ kind: 'later', firstWaitSeconds: 60 })
		expect(classifyCode('gateway', '410', 429)).toEqual({ kind: 'later' })
	})

	it.each(['__proto__', 'constructor', 'toString', ''])('knows no code by the name of %j', (code) => {
		expect(classifyCode('gateway', code, 400)).toEqual({ kind: 'refused' })
		expect(classifyCode('api', code, 500)).toEqual({ kind: 'later' })
	})
})
