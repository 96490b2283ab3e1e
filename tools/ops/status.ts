import { createExportFinder, createExportsTable } from '../../lib/aws/exports-table.ts'
import type { Entry } from '../../lib/ledger/ledger.ts'
import { toExportIdentity } from '../../lib/request/export-identity.ts'
import type { ExportRequest } from '../../lib/request/export-request.ts'
import { OpsError } from './ops-error.ts'
import type { Target } from './target.ts'

/** The export with an id, or null. Throws `LEDGER_UNAVAILABLE`. */
export async function findById(exportId: string, { items, connection }: Target): Promise<Entry | null> {
	return createExportFinder(items, connection.exportsTableName)(exportId, Date.now())
}

/**
 * The export of a request, or null. It is found by `idempotencyKey`, else by instance, file, bucket and folder. Throws
 * `LEDGER_UNAVAILABLE`, and `OpsError` when the key belongs to a different export.
 */
export async function findByRequest(
	request: ExportRequest,
	{ items, connection }: Pick<Target, 'items' | 'connection'>,
): Promise<Entry | null> {
	const { ncpApiUrl, ncpRegionCode, exportsTableName } = connection
	const regionCode = request.regionCode ?? (ncpRegionCode || undefined)
	const whole = { ...request, ...(regionCode === undefined ? {} : { regionCode }) }
	const table = createExportsTable(items, exportsTableName)
	const { exportKey, fingerprint } = toExportIdentity(ncpApiUrl, whole)
	const entry = await table.read(exportKey)
	if (entry === null || entry.expiresAtMs <= Date.now()) return null
	if (entry.fingerprint !== fingerprint)
		throw new OpsError(
			`The key belongs to export ${entry.exportId}, which has a different instance, file, bucket or folder.`,
		)
	return entry
}

/** What a state means while there is no outcome yet. */
const MEANINGS: Readonly<Record<string, string>> = {
	claimed: 'a function is working on it; if that function died, the next delivery takes over',
	waiting: 'not done yet: its message is in the queue and will be retried',
}

/** The state of an export, with the field names of its outcome. */
export function toStatus({
	exportId,
	state,
	attempts,
	requestedAtMs,
	nextCheckAtMs,
	expiresAtMs,
	waitsFor,
	event,
}: Entry) {
	const isOpen = event !== null && !event.data.terminal
	return {
		exportId,
		state,
		terminal: event?.data.terminal ?? false,
		...(event === null ? { meaning: MEANINGS[state] ?? '' } : {}),
		waitsFor,
		attempts,
		requestedAt: new Date(requestedAtMs).toISOString(),
		nextCheckAt: isOpen && nextCheckAtMs > 0 ? new Date(nextCheckAtMs).toISOString() : null,
		keptUntil: new Date(expiresAtMs).toISOString(),
		outcome: event,
	}
}
