import type { ListBackups, ListInstances } from '../ports.ts'
import { type CallActionOptions, createSignedCall } from './call-action.ts'
import { createListBackups, createListInstances, toListReply } from './list-action.ts'
import type { RepeatOptions } from './repeat-call.ts'
import { retryRead } from './retry-read.ts'

/** A hundred instances with all their servers fit many times over. */
const MAX_LIST_BYTES = 8 * 1024 * 1024

/** With less time left than this, a call is not repeated. */
const MIN_CALL_MS = 1_000

export type ListsOptions = Omit<CallActionOptions, 'maxReplyBytes'> & Pick<RepeatOptions, 'sleep' | 'random'>

/** Both lists on one signed caller; `timeoutMs` limits one call of it. A failed call is repeated: it changes nothing. */
export function createLists(options: ListsOptions): {
	listInstances: ListInstances
	listBackups: ListBackups
} {
	const { clock, credentials, sleep, random } = options
	const call = createSignedCall({ ...options, maxReplyBytes: MAX_LIST_BYTES }, toListReply)
	const callList = retryRead(
		({ path, form }: { path: string; form: string }, timeoutMs: number) => call(path, form, timeoutMs),
		{ clock, credentials, minCallMs: MIN_CALL_MS, sleep, random },
	)
	return { listInstances: createListInstances(callList), listBackups: createListBackups(callList) }
}
