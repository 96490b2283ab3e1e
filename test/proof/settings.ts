import type { DestinationRule } from '../../lib/request/export-identity.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** How NCP names the objects of an export, which it does not document. */
export const NAMINGS = ['plain', 'ending', 'parts', 'instance', 'ignores-folder'] as const

export type Naming = (typeof NAMINGS)[number]

/** What is fixed in a world. */
export interface Settings {
	startMs: number
	deduplicationMs: number
	/** From the outcome to the last look. */
	deadlineMs: number
	resendAfterMs: number
	destinationRule: DestinationRule
	naming: Naming
	/** The longest that two clocks, or an answer and its effect, lie apart. */
	slackMs: number
	visibilityMs: number
	maxReceives: Readonly<Record<QueueName, number>>
	indexLagMs: number
}

export type QueueName = 'requests' | 'arrivals' | 'coverage'
