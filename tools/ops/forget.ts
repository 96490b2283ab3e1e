import { createCompletions } from '../../lib/aws/completions.ts'
import type { Target } from './target.ts'

/** Stops watching the freshness of an instance that is no more, until an export of it arrives again. False when it was not watched. */
export async function forgetInstance(instance: string, { items, connection }: Target): Promise<boolean> {
	return createCompletions(items, connection.exportsTableName).forget(instance)
}
