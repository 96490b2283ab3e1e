import type { Ledger } from '../../../lib/ledger/ledger.ts'
import { createMemoryLedger } from '../../fakes.ts'

/** Stands in for `lib/aws/exports-table.ts` in the bundle of `on-queue-message`: everything but the table is the product. */
export function createExportsTable(): Ledger {
	return createMemoryLedger()
}

export function createExportFinder(): () => Promise<null> {
	return async () => null
}
