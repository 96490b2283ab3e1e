import type { Ledger } from '../../../lib/ledger/ledger.ts'
import type { Destinations } from '../../../lib/ports.ts'
import { createMemoryDestinations, createMemoryLedger } from '../../fakes.ts'

/** Stands in for `lib/aws/exports-table.ts` and `destinations.ts` in the bundle of `on-queue-message`: everything but the table is the product. */
export function createExportsTable(): Ledger {
	return createMemoryLedger()
}

export function createDestinations(): Destinations {
	return createMemoryDestinations()
}

export function createExportFinder(): () => Promise<null> {
	return async () => null
}
