import type { State } from '../../../lib/outcome/outcome.ts'

/** Where an export stands: the states of the ledger before there is an outcome, then those of its outcomes. */
export type RowState = State | 'claimed' | 'waiting'

/** How a state is coloured. The badge always has its name, too. */
export type Tone = 'busy' | 'good' | 'doubt' | 'bad'

/** What each state means, in the order in which an export may pass through them. */
export const STATE_WORDS: Readonly<Record<RowState, { tone: Tone; meaning: string }>> = {
	claimed: {
		tone: 'busy',
		meaning:
			'A function has claimed the export and may be calling NCP now. No other delivery may call NCP while the claim lasts. If the function dies, the claim ends after about a minute, and the next delivery settles the export as “unknown” instead of calling NCP a second time.',
	},
	waiting: {
		tone: 'busy',
		meaning:
			'Certainly not exported yet: NCP said so, or nothing was sent. The message is in the queue and will be tried again.',
	},
	accepted: {
		tone: 'busy',
		meaning:
			'NCP took the request. That does not mean the file has arrived: the bucket is checked until it is seen there.',
	},
	unknown: {
		tone: 'doubt',
		meaning:
			'NCP’s reply was lost, or the function died before it could store it. The export may or may not have been done. NCP is not simply called again, because that could export twice: the bucket is checked, and what is found there decides.',
	},
	completed: {
		tone: 'good',
		meaning: 'The file was seen in the bucket, where no other export can have put it. This is the last word.',
	},
	missing: {
		tone: 'bad',
		meaning: 'The bucket was checked until the deadline, and the file was not there. This is the last word.',
	},
	unverified: {
		tone: 'doubt',
		meaning:
			'Until the deadline the bucket could not be read, or the file that is there may be another export’s. This is the last word.',
	},
	refused: {
		tone: 'bad',
		meaning: 'NCP refused the request, and nothing was exported. This is the last word.',
	},
	rejected: {
		tone: 'bad',
		meaning:
			'The request is invalid, and NCP was never called. The error names the fields. This is the last word.',
	},
	exhausted: {
		tone: 'bad',
		meaning:
			'The retries are used up, and nothing was exported. The message is a dead letter: redrive it when the cause is gone, and it starts over as a new export.',
	},
}

/** What a person can break. `lasts` = how many calls it hits; null = until it is removed. */
export const FAULTS = [
	{
		name: 'lost-reply',
		title: 'Lose NCP’s reply',
		lasts: 1,
		happens: 'NCP exports the backup, but the connection breaks in the middle of its reply.',
		promised:
			'The export becomes “unknown”. NCP is not called again: the bucket is checked, the file is found, and the export is “completed”.',
	},
	{
		name: 'kill',
		title: 'Kill the function in the middle of the call',
		lasts: 1,
		happens: 'NCP exports the backup, and the function’s process is killed before the reply reaches it.',
		promised:
			'The claim in the ledger outlives the function, so no other delivery calls NCP. Let two minutes pass: the claim has ended, the export is “unknown”, then “completed”. NCP exported it once.',
	},
	{
		name: 'busy',
		title: 'NCP is busy',
		lasts: 2,
		happens: 'NCP answers twice that the cluster is working on something else.',
		promised: 'Nothing was exported, so the message waits in the queue and is tried again until NCP does it.',
	},
	{
		name: 'throttled',
		title: 'NCP throttles',
		lasts: 2,
		happens: 'NCP’s gateway answers twice with 429, too many calls.',
		promised: 'Nothing was exported, so the message waits in the queue and is tried again.',
	},
	{
		name: 'never-lands',
		title: 'The file never arrives',
		lasts: 1,
		happens: 'NCP accepts the request, but the file does not appear in the bucket.',
		promised:
			'“accepted” is not taken for “arrived”: the bucket is checked until the deadline, then the export is “missing”. It is never “completed”.',
	},
	{
		name: 'wrong-key',
		title: 'NCP does not know the key',
		lasts: null,
		happens: 'NCP refuses every signature, as after a key was changed.',
		promised:
			'Nothing is exported, and every request is kept: retried for hours (here for half a minute), then a dead letter. Remove the fault, redrive the dead letter, and it is exported.',
	},
	{
		name: 'topic',
		title: 'The topic is down',
		lasts: null,
		happens: 'Outcomes cannot be published.',
		promised:
			'An outcome is stored before it is published. The message is delivered again and publishes the stored outcome, without calling NCP.',
	},
	{
		name: 'table',
		title: 'The ledger’s table is down',
		lasts: null,
		happens: 'The functions cannot read or write the table.',
		promised:
			'Without a claim in the table NCP is not called. Messages wait, and become dead letters if it takes too long; a redrive exports them.',
	},
] as const satisfies readonly FaultWords[]

export interface FaultWords {
	name: string
	title: string
	lasts: number | null
	happens: string
	promised: string
}

export type FaultName = (typeof FAULTS)[number]['name']

export function isFaultName(name: unknown): name is FaultName {
	return FAULTS.some((fault) => fault.name === name)
}
