import { createCallAction } from '../../lib/ncp/call-action.ts'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import type { KeyPair } from '../../lib/ports.ts'
import type { Reply } from '../../lib/reply.ts'
import type { Connection } from './connection.ts'
import { failed, ok, type Verdict, warning } from './finding.ts'

const CALL_MS = 10_000

/** Lists instances, which exports nothing. Source: NCP API guide, database-vpostgresql-getcloudpostgresqlinstancelist. */
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
	return judge(await call('/vpostgresql/v2/getCloudPostgresqlInstanceList', form, CALL_MS), ncpApiUrl)
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
				reply.code === '210'
					? 'NCP knows the key pair, but its sub account lacks the permission for Cloud DB for PostgreSQL'
					: `NCP does not accept the key pair: the access key, the secret key or the clock is wrong.${clock}`,
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
