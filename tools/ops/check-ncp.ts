import { createCallAction } from '../../lib/ncp/call-action.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import type { KeyPair } from '../../lib/ports.ts'
import { LISTED_PRODUCTS, rowOf } from '../../lib/products.ts'
import type { Reply } from '../../lib/reply.ts'
import type { Connection } from './connection.ts'
import { failed, ok, type Verdict, warning } from './finding.ts'

const CALL_MS = 10_000

/** NCP knows the key pair, but its sub account may not do this. Source: NCP API guide. */
const PERMISSION_DENIED = '210'

/**
 * Lists the instances of a product, which exports nothing: the first product that the key pair may list. A company may
 * use, and permit, only one of them.
 */
export async function checkNcp(
	keys: KeyPair,
	{ ncpApiUrl, ncpRegionCode }: Pick<Connection, 'ncpApiUrl' | 'ncpRegionCode'>,
): Promise<Verdict> {
	const call = createCallAction({
		apiUrl: ncpApiUrl,
		credentials: fixedCredentials(keys),
		timeoutMs: CALL_MS,
		clock: { now: Date.now, correct: () => undefined },
	})
	const form = ncpRegionCode === '' ? '' : `regionCode=${encodeURIComponent(ncpRegionCode)}`
	for (const product of LISTED_PRODUCTS) {
		const { path, discovery } = rowOf(product)
		const reply = await call(`/${path}/v2/${discovery?.instances.action}`, form, CALL_MS)
		if (reply.kind !== 'credentials' || reply.code !== PERMISSION_DENIED) return judge(reply, ncpApiUrl)
	}
	const titles = LISTED_PRODUCTS.map((product) => `Cloud DB for ${rowOf(product).title}`)
	return failed(`NCP knows the key pair, but its sub account lacks the permission for ${titles.join(' or ')}`)
}

const MAX_SKEW_MS = 60_000

function judge(reply: Reply, apiUrl: string): Verdict {
	const { kind, sent, message, dateMs, signed } = reply
	const skewMs = dateMs === null || signed === null ? 0 : Math.abs(dateMs - signed.atMs)
	const isClockOff = skewMs > MAX_SKEW_MS
	const clock = isClockOff ? ` This machine's clock is ${Math.round(skewMs / 1000)} s off.` : ''
	switch (kind) {
		case 'accepted':
			return isClockOff
				? warning(`${apiUrl} accepts the key pair.${clock}`)
				: ok(`${apiUrl} accepts the key pair`)
		case 'credentials':
			return failed(
				`NCP does not accept the key pair: the access key, the secret key or the clock is wrong.${clock}`,
			)
		case 'later':
			return sent
				? warning(`${apiUrl} answers "${message}": try again later`)
				: failed(`${apiUrl} cannot be reached: ${message}`)
		case 'unknown':
			return failed(`${apiUrl} does not answer like NCP (${message}): is the address correct?`)
		default:
			return failed(
				`${apiUrl} does not answer with a list of instances (${message}): is the address correct?`,
			)
	}
}
