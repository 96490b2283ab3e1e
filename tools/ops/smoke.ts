import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createExportsTable } from '../../lib/aws/exports-table.ts'
import { type Entry, showsPublication, toSettled } from '../../lib/ledger/ledger.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { toExportIdentity } from '../../lib/request/export-identity.ts'
import { type ExportRequest, parseExportRequest } from '../../lib/request/export-request.ts'
import { failed, ok, type Verdict } from './finding.ts'
import { sendRequests } from './send.ts'
import type { Target } from './target.ts'

/** What has happened to the request so far. */
export interface Step {
	step: 'sent' | 'published' | Entry['state']
	words: string
}

/** Far above any number that NCP has assigned, and still a number to every parser. */
const NO_INSTANCE = '999999999999'

/** No such instance or backup. Source: NCP API guide. */
const NO_SUCH_INSTANCE = '5001017'

const POLL_MS = 500

/**
 * Sends a request for an instance that does not exist, and follows it to its outcome: `ok` when NCP refused it for just that
 * and the outcome was published. Exports nothing. Throws `LEDGER_UNAVAILABLE`, and an AbortError when the signal is raised.
 */
export async function smoke(
	target: Target,
	limitSeconds: number,
	signal: AbortSignal,
	onStep: (step: Step) => void,
): Promise<Verdict> {
	const request = createRequest()
	const [sent] = await sendRequests([request], target, signal)
	if (!sent?.messageId) return failed(`the request was not sent: ${sent?.reason}`)
	onStep({
		step: 'sent',
		words: `message ${sent.messageId} for instance ${request.instanceNo}, file ${request.fileName}`,
	})
	const { ncpApiUrl, exportsTableName } = target.connection
	const { exportKey } = toExportIdentity(ncpApiUrl, request)
	const table = createExportsTable(target.items, exportsTableName)
	const endsAtMs = performance.now() + limitSeconds * 1_000
	let shown = ''
	for (;;) {
		const entry = await table.read(exportKey)
		const step = entry === null ? null : toStep(entry)
		if (step !== null && step.words !== shown) onStep(step)
		shown = step?.words ?? shown
		const verdict = entry?.event ? judgeOutcome(entry.event) : null
		if (verdict?.result === 'failed') return verdict
		const isPublished = verdict !== null && entry !== null ? showsPublication(toSettled(entry)) : false
		if (verdict !== null && isPublished !== false) {
			onStep({ step: 'published', words: isPublished ? 'the topic has the outcome' : UNSEEN })
			return verdict
		}
		if (performance.now() > endsAtMs) return overdue(entry, limitSeconds, target)
		await sleep(POLL_MS, undefined, { signal })
	}
}

const UNSEEN = 'whether the topic has the outcome cannot be seen with a deduplication this long'

/** The key makes each run an export of its own, which is found whatever folder or region the stage adds. */
function createRequest(): ExportRequest {
	const name = `smoke-${randomUUID()}`
	return parseExportRequest({
		cloudPostgresqlInstanceNo: NO_INSTANCE,
		fileName: name,
		bucketName: 'ncp-backup-exporter-smoke',
		idempotencyKey: name,
	})
}

function toStep({ state, exportId, waitsFor, event }: Entry): Step {
	if (event !== null) return { step: state, words: toWords(event) }
	return {
		step: state,
		words: state === 'waiting' ? `${waitsFor}` : `a function works on export ${exportId}`,
	}
}

function toWords({ data: { error, reply } }: OutcomeEvent): string {
	return error?.message ?? `NCP said "${reply?.returnMessage ?? ''}"`
}

/** What an outcome of the request says about the stage. Pure. */
export function judgeOutcome(event: OutcomeEvent): Verdict {
	const { state, error } = event.data
	const words = `${state}: ${toWords(event)}`
	switch (state) {
		case 'refused':
			return error?.ncpCode === NO_SUCH_INSTANCE
				? ok('the request went through queue, function, secret, NCP, table and topic')
				: failed(
						`NCP refused the request, but not because the instance does not exist (${words}): check the zone, the region and the permissions of the key pair`,
					)
		case 'exhausted':
			return failed(`${words}. Run doctor; see docs/runbook.md#exhausted`)
		case 'unknown':
			return failed(`NCP's reply was lost or cannot be read (${words}). See docs/runbook.md#unknown`)
		default:
			return failed(
				`an instance that does not exist cannot end like this (${words}): is NCP's address correct?`,
			)
	}
}

/** What to look at when there is no outcome in time. The request is tried again by itself, which does no harm. */
function overdue(entry: Entry | null, limitSeconds: number, { stackName }: Target): Verdict {
	const log = stackName === '' ? '"npm start -- --verbose"' : `/aws/lambda/${stackName}-on-queue-message`
	const late = `after ${limitSeconds} s`
	switch (entry?.state) {
		case undefined:
			return failed(`${late} no function has taken the request: run doctor, and look at the log ${log}`)
		case 'claimed':
			return failed(`${late} the function has not finished: it is slow, timed out or crashed; look at ${log}`)
		case 'waiting':
			return failed(
				`${late} it waits to be tried again (${entry.waitsFor}): run doctor; docs/runbook.md says what to do about the code`,
			)
		default:
			return failed(`${late} the outcome is stored, but not published: see docs/runbook.md#publishing`)
	}
}
