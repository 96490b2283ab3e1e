import { afterEach, expect, it } from 'vitest'
import { type Fault, type NcpSimulator, startNcpSimulator } from '../../tools/local/ncp-simulator.ts'
import { checkNcp } from '../../tools/ops/check-ncp.ts'

const KEYS = { accessKey: 'AK', secretKey: 'SK' }

const DENIED: Fault = {
	httpStatus: 401,
	contentType: 'application/json',
	body: '{"error":{"errorCode":"210","message":"Permission Denied"}}',
}

let simulator: NcpSimulator | undefined
afterEach(() => simulator?.stop())

/** The verdict where the key pair may not list the instances of these products. */
async function checkDenying(...products: string[]) {
	simulator = await startNcpSimulator({
		keys: new Map([['AK', 'SK']]),
		instances: new Map(),
		buckets: new Set(),
		listFault: ({ action }) => (products.some((name) => action.includes(name)) ? DENIED : undefined),
	})
	return checkNcp(KEYS, { ncpApiUrl: simulator.url, ncpRegionCode: 'KR' })
}

it('accepts a key pair that may list one product', async () => {
	expect(await checkDenying()).toMatchObject({ result: 'ok' })
	expect(simulator?.listCalls()).toBe(1)
	await simulator?.stop()
	expect(await checkDenying('Postgresql')).toMatchObject({ result: 'ok' })
	expect(simulator?.listCalls()).toBe(2)
})

it('names the permissions, one of which is needed, when the key pair may list none', async () => {
	expect(await checkDenying('Postgresql', 'Mysql')).toMatchObject({
		result: 'failed',
		words: expect.stringContaining('Cloud DB for PostgreSQL or Cloud DB for MySQL'),
	})
})
