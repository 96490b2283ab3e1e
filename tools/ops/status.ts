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

/** The export of a request, or null: of its `idempotencyKey` if it has one, else of instance, file and bucket. Throws `OpsError` for a key that stands for another export. */
export async function findByRequest(
	request: ExportRequest,
	{ items, connection }: Target,
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
			`The key stands for another export, ${entry.exportId}: its instance, file or bucket differs.`,
		)
	return entry
}

/** The states that no outcome has. */
const MEANINGS: Readonly<Record<string, string>> = {
	claimed: 'a function is at work on it, or died over it and the next delivery finds out',
	waiting: 'not done yet: its message is in the queue, and backs off',
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
		...(event === null ? { meaning: MEANINGS[state] ?? '' } : {}),
		attempts,
		requestedAt: new Date(requestedAtMs).toISOString(),
		nextCheckAt: isOpen && nextCheckAtMs > 0 ? new Date(nextCheckAtMs).toISOString() : null,
		keptUntil: new Date(expiresAtMs).toISOString(),
		outcome: event,
	}
}
