import { createCompletions } from '../../lib/aws/completions.ts'
import type { Target } from './target.ts'

/** Deletes the last completion time of an instance. Its next export records a new one. False when there was none. */
export async function forgetInstance(instance: string, { items, connection }: Target): Promise<boolean> {
	return createCompletions(items, connection.exportsTableName).forget(instance)
}
