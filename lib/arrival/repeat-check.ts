import { repeatCheck, type SettledEntry } from '../ledger/ledger.ts'
import type { ArrivalPorts } from '../ports.ts'
import { checkDelaySeconds } from './schedule-check.ts'

/**
 * For a check that was delivered twice: the other function may die, or have died, before it published or asked for the
 * next check. Both are done again, once for each check.
 */
export function createRepeatCheck(ports: ArrivalPorts): (entry: SettledEntry) => Promise<void> {
	const { ledger, now, publish, schedule } = ports
	return async (entry) => {
		const { exportKey, exportId, nextCheck, nextCheckAtMs } = entry
		if (entry.repeatedCheck === nextCheck) return
		await publish(entry.event)
		const delaySeconds = checkDelaySeconds(nextCheck - entry.firstCheck, nextCheckAtMs - now())
		await schedule({ exportKey, exportId, check: nextCheck, isRepeated: true }, delaySeconds)
		await ledger.replace(entry, repeatCheck(entry), now())
	}
}
