import { awaitCheck, type Draft, type Settled, type SettledEntry } from '../ledger/ledger.ts'
import type { ArrivalPorts, CheckEnding, Finding } from '../ports.ts'
import { checkDelaySeconds } from './schedule-check.ts'
import { writeCheck } from './write-check.ts'

/** `leftMs` is until the deadline; `change` is what else changes in the ledger while we wait. */
export type WaitForArrival = (
	entry: SettledEntry,
	finding: Finding,
	leftMs: number,
	change?: (current: Settled<Draft>) => Settled<Draft>,
) => Promise<CheckEnding>

/**
 * Asks for the check after `check`. The ledger counts it first, so that of doubled checks only one goes on. If the
 * function dies before the message is sent, this check is delivered again and sends it then.
 */
export function createWaitForArrival(check: number, ports: ArrivalPorts): WaitForArrival {
	const { now, schedule } = ports
	return async (entry, finding, leftMs, change = (current) => current) => {
		const next = check + 1
		const delaySeconds = checkDelaySeconds(next - entry.firstCheck, leftMs)
		const toNext = (current: SettledEntry): Settled<Draft> =>
			awaitCheck(change(current), next, now() + delaySeconds * 1000, now())
		const awaited = await writeCheck(entry, toNext, ports)
		if (awaited === null) return { kind: 'stale' }
		const { exportKey, exportId } = entry
		await schedule({ exportKey, exportId, check: next }, delaySeconds)
		return { kind: 'waiting', entry: awaited, finding, delaySeconds }
	}
}
