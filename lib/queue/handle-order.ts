import { toExportError } from '../errors.ts'
import type { CoverageQueue } from '../ports.ts'
import { backOffSeconds } from './back-off.ts'

/** A message of the coverage queue. */
export interface OrderMessage {
	body: string
	receiptHandle: string
	/** 1 for the first receive. */
	receiveCount: number
}

export interface OrderPorts {
	check: (body: string) => Promise<unknown>
	hide: CoverageQueue['hide']
	/** From 0 to 1, exclusive. */
	random: () => number
}

/**
 * Finishes one message of the coverage queue. Resolves = acknowledge it. Rejects = deliver it again: the message is hidden for
 * a while. Not hidden, it comes back after the queue's own visibility time-out.
 */
export async function handleOrder(
	{ body, receiptHandle, receiveCount }: OrderMessage,
	{ check, hide, random }: OrderPorts,
): Promise<void> {
	try {
		await check(body)
	} catch (thrown) {
		const error = toExportError(thrown)
		await hide(receiptHandle, backOffSeconds({ error, receiveCount, random: random() }))
		throw error
	}
}
