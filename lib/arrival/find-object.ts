import { type Deadline, timeToLook } from '../deadline.ts'
import { mayHavePut } from '../ledger/ledger.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { ArrivalPorts, Doubt, Finding } from '../ports.ts'
import { isSameHolder, toHolder } from '../request/export-identity.ts'
import { isRival, namesOfRivals, renderPrefix, type Wanted, weigh } from './evidence.ts'

/** As many as an event names. */
const MAX_CANDIDATES = 10

/** Beyond these it takes too long to find out whose an object is, so it proves nothing. */
const MAX_NAMES = 20
const MAX_NAMESAKES = 1_000
const MAX_RIVALS = 100

interface FindPorts
	extends Pick<ArrivalPorts, 'listObjects' | 'keyPrefix' | 'ledger' | 'destinations' | 'now'> {
	deadline: Deadline
}

/**
 * Looks for an export's object where it is expected: in the folder of its request, else under the key prefix and then in
 * the whole bucket, since NCP does not document where the file lands. With a folder, a thorough look also lists what the
 * key prefix names: there the file lies if NCP ignored the folder, which it does not report. Throws `LEDGER_UNAVAILABLE`.
 */
export type FindObject = (wanted: Wanted, isThorough: boolean) => Promise<Finding>

export function createFindObject(ports: FindPorts): FindObject {
	const { listObjects, keyPrefix, deadline } = ports
	const isContested = createIsContested(ports)

	const look = async (wanted: Wanted, prefix: string, expected: string): Promise<Look> => {
		const listing = await listObjects(wanted.request.bucketName, prefix, timeToLook(deadline))
		if (listing.kind === 'unreadable') return { proof: null, proofs: [], candidates: [], gap: listing.reason }
		const { proofs, candidates } = weigh(listing.objects, wanted, expected)
		const gap = listing.isWhole ? null : `more than ${listing.objects.length} keys`
		// Read once, and only if there is something to prove.
		const mayProve = proofs.length > 0 && (await isStillHeld(wanted, ports))
		for (const object of mayProve ? proofs.slice(0, MAX_CANDIDATES) : []) {
			if (!(await isContested(object.key, wanted)))
				return { proof: object, proofs, candidates: [], gap: null }
		}
		return { proof: null, proofs, candidates, gap }
	}

	return async (wanted, isThorough) => {
		const { folderPath } = wanted.request
		const prefix = renderPrefix(keyPrefix, wanted.request)
		const expected = folderPath ?? prefix
		const looks = [await look(wanted, expected, expected)]
		// In a folder of more objects than may be read, it is found by the beginning of its key.
		if (folderPath !== undefined && looks[0]?.gap !== null)
			looks.unshift(await look(wanted, folderPath + wanted.request.fileName, expected))
		const elsewhere = folderPath === undefined ? '' : prefix
		const isProven = looks.some(({ proof }) => proof !== null)
		if (!isProven && elsewhere !== expected && (folderPath === undefined || isThorough))
			looks.push(await look(wanted, elsewhere, expected))
		return toFinding(looks, wanted, expected)
	}
}

interface Look {
	proof: ArrivedObject | null
	/** All objects that would prove the export if no other could have put them there. */
	proofs: readonly ArrivedObject[]
	candidates: readonly ArrivedObject[]
	/** Why not everything could be seen; null when it was. */
	gap: string | null
}

function toFinding(looks: readonly Look[], wanted: Wanted, expected: string): Finding {
	const found = looks.find(({ proof }) => proof !== null)
	if (found?.proof) return { kind: 'found', object: found.proof, candidates: toKeys(found.proofs) }
	const contested = toKeys(looks.flatMap(({ proofs }) => proofs))
	const keys = [...new Set([...contested, ...toKeys(looks.flatMap(({ candidates }) => candidates))])]
	if (keys.length > 0) {
		const isShared = !wanted.isDestinationOurs && keys.some((key) => key.startsWith(expected))
		const doubt: Doubt = contested.length > 0 ? 'contested' : isShared ? 'shared' : 'elsewhere'
		return { kind: 'candidates', keys: keys.slice(0, MAX_CANDIDATES), doubt }
	}
	const gap = looks.map((look) => look.gap).find((reason) => reason !== null)
	return gap === undefined ? { kind: 'absent' } : { kind: 'unreadable', reason: gap }
}

function toKeys(objects: readonly ArrivedObject[]): string[] {
	return objects.map(({ key }) => key)
}

/** False when the destination was the instance's and has changed hands. */
async function isStillHeld(
	{ request, isDestinationOurs }: Wanted,
	{ destinations, now }: FindPorts,
): Promise<boolean> {
	if (!isDestinationOurs) return true
	const holder = await destinations.holder(request, now())
	return holder !== null && isSameHolder(holder, toHolder(request))
}

/** Whether NCP may have written another export's copy to a key. */
function createIsContested({ destinations, ledger }: FindPorts) {
	return async (key: string, { request }: Wanted): Promise<boolean> => {
		const names = namesOfRivals(key, request)
		if (names.length > MAX_NAMES) return true
		for (const name of names) {
			const namesakes = await destinations.namesakes(request.bucketName, name, MAX_NAMESAKES)
			if (!namesakes.isWhole) return true
			const rivals = namesakes.read.filter((namesake) => isRival(namesake, key, request))
			if (rivals.length > MAX_RIVALS || rivals.some(({ isAskedBySeveral }) => isAskedBySeveral)) return true
			// Without an entry it ended long ago: then its copy is too old to be taken for this one's.
			const entries = await Promise.all(rivals.map(({ askedBy }) => ledger.read(askedBy)))
			if (entries.some((entry) => entry !== null && mayHavePut(entry, key))) return true
		}
		return false
	}
}
