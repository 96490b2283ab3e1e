import { createExportFinder, createExportsTable } from '../lib/aws/exports-table.ts'
import { toExportIdentity } from '../lib/export-key.ts'
import type { ExportRequest } from '../lib/export-request.ts'
import type { Entry } from '../lib/ledger.ts'
import type { Target } from './target.ts'

/** The export with an id, or null. Throws `LEDGER_UNAVAILABLE`. */
export async function findById(exportId: string, { items, connection }: Target): Promise<Entry | null> {
	return createExportFinder(items, connection.exportsTableName)(exportId, Date.now())
}

/** The export of a request, or null: of its `idempotencyKey` if it has one, else of instance, file and bucket. */
export async function findByRequest(
	request: ExportRequest,
	{ items, connection }: Target,
): Promise<Entry | null> {
	const { ncpApiUrl, ncpRegionCode, exportsTableName } = connection
	const regionCode = request.regionCode ?? (ncpRegionCode || undefined)
	const whole = { ...request, ...(regionCode === undefined ? {} : { regionCode }) }
	const table = createExportsTable(items, exportsTableName)
	const entry = await table.read(toExportIdentity(ncpApiUrl, whole).exportKey)
	return entry !== null && entry.expiresAtMs > Date.now() ? entry : null
}

/** What is known of an export, in the words of its outcome. */
export function toStatus({
	exportId,
	state,
	attempts,
	requestedAtMs,
	nextCheckAtMs,
	expiresAtMs,
	event,
}: Entry) {
	const isOpen = event !== null && !event.data.terminal
	return {
		exportId,
		state,
		terminal: event?.data.terminal ?? false,
		attempts,
		requestedAt: new Date(requestedAtMs).toISOString(),
		nextCheckAt: isOpen && nextCheckAtMs > 0 ? new Date(nextCheckAtMs).toISOString() : null,
		keptUntil: new Date(expiresAtMs).toISOString(),
		outcome: event,
	}
}
