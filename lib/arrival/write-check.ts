import { ExportError } from '../errors.ts'
import {
	type Draft,
	isEnded,
	type Ledger,
	type Settled,
	type SettledEntry,
	toSettled,
} from '../ledger/ledger.ts'
import { type LedgerPorts, replaceInTime } from '../ledger/replace-in-time.ts'

/** How often another writer may be first before the check is delivered again. */
const MAX_TRIES = 5

/** The settled entry that a check is about. Throws `EXPORT_GONE` when there is none any more, and `LEDGER_UNAVAILABLE`. */
export async function readChecked(
	{ exportKey, exportId }: Pick<SettledEntry, 'exportKey' | 'exportId'>,
	ledger: Pick<Ledger, 'read'>,
): Promise<SettledEntry> {
	const entry = await ledger.read(exportKey)
	if (entry === null || entry.exportId !== exportId || entry.event === null)
		throw new ExportError('EXPORT_GONE', `the table no longer has an outcome of export ${exportId}`)
	return toSettled(entry)
}

/**
 * Writes what a check decided. When another writer was first, reads the entry again and goes on, unless the export has
 * moved past this check: then resolves with null, and the check that moved it ends the export. Throws `EXPORT_GONE` and
 * `LEDGER_UNAVAILABLE`.
 */
export async function writeCheck(
	previous: SettledEntry,
	toNext: (current: SettledEntry) => Settled<Draft>,
	ports: LedgerPorts,
): Promise<SettledEntry | null> {
	let current = previous
	for (let tries = 1; tries <= MAX_TRIES; tries++) {
		const written = await replaceInTime(current, toNext(current), ports)
		if (written !== null) return written
		current = await readChecked(previous, ports.ledger)
		if (isPast(current, previous)) return null
	}
	throw new ExportError('LEDGER_UNAVAILABLE', 'other writers kept replacing the entry of this export')
}

function isPast(current: SettledEntry, previous: SettledEntry): boolean {
	const { state, nextCheck, resends } = previous
	const isSame = current.state === state && current.nextCheck === nextCheck && current.resends === resends
	return isEnded(current) || !isSame
}
