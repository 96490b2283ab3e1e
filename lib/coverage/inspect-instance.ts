import { isRival, namesInstance, namesOfRivals } from '../arrival/evidence.ts'
import { timeToLook } from '../deadline.ts'
import { cut, ExportError, RequestInvalid } from '../errors.ts'
import type { Entry } from '../ledger/ledger.ts'
import { folderOf } from '../object-key.ts'
import type { ArrivedObject } from '../outcome/outcome.ts'
import type { InspectPorts, ListedBackup } from '../ports.ts'
import { type DestinationRule, isSameHolder, toExportIdentity, toHolder } from '../request/export-identity.ts'
import { type ExportRequest, parseExportRequest, toApiRequest } from '../request/export-request.ts'
import { renderFolderPath } from '../request/folder-path.ts'
import { assessBackup, type InspectedBackup, isPremature } from './assess-backup.ts'
import { type Coverage, toGraceMs } from './coverage-event.ts'
import { type Matches, matchObjects } from './match-objects.ts'
import type { Policy } from './policy.ts'

/** Exports of one instance that are read from the ledger at a time. */
const READS_AT_A_TIME = 10

/** Beyond these it takes too long to find out whose an object is, so it proves nothing. */
const MAX_NAMES = 20
const MAX_NAMESAKES = 1_000

/**
 * Where each backup of an instance stands, from NCP's list, the folder in the bucket and the ledger. Asks for nothing and
 * writes nothing. Throws what the lists throw, `BUCKET_UNREADABLE` and `LEDGER_UNAVAILABLE`: a part is never taken for the whole.
 */
export async function inspectInstance(
	policy: Policy,
	instanceNo: string,
	ports: InspectPorts,
): Promise<Coverage> {
	const { product, regionCode, bucketName } = policy
	const folderPath = renderFolderPath(policy.folderPath, instanceNo)
	const [backups, objects] = await Promise.all([
		ports.listBackups({ product, regionCode, instanceNo }, timeToLook(ports.deadline)),
		listFolder(bucketName, folderPath, ports),
	])
	const listed = objects ?? (await listByName(backups, bucketName, folderPath, ports))
	const matches = matchObjects(backups, listed, folderPath)
	const toRequest = createToRequest(policy, instanceNo, folderPath)
	const inspect = createInspect(matches, ports)
	const inspected = await inTurns(backups, (backup) => inspect(backup, toRequest(backup)))
	const checkedAtMs = ports.now()
	return {
		policy,
		instanceNo,
		folderPath,
		checkedAtMs,
		backups: inspected.map((each) => assessBackup(each, checkedAtMs, toGraceMs(policy))),
		unknownObjects: matches.unknownObjects,
	}
}

/** Null when there are more objects than may be read. */
async function listFolder(
	bucketName: string,
	prefix: string,
	{ listObjects, deadline }: InspectPorts,
): Promise<readonly ArrivedObject[] | null> {
	const listing = await listObjects(bucketName, prefix, timeToLook(deadline))
	if (listing.kind === 'unreadable')
		throw new ExportError(
			'BUCKET_UNREADABLE',
			`the bucket ${bucketName} cannot be listed: ${cut(listing.reason)}`,
		)
	return listing.isWhole ? listing.objects : null
}

/** In a folder with too many objects, the copies are found by the beginning of their keys. */
async function listByName(
	backups: readonly ListedBackup[],
	bucketName: string,
	folderPath: string,
	ports: InspectPorts,
): Promise<ArrivedObject[]> {
	const found = await inTurns(backups, async ({ fileName }) => {
		const objects = await listFolder(bucketName, folderPath + fileName, ports)
		if (objects !== null) return objects
		const words = `more than can be read begin with ${cut(folderPath + fileName)}`
		throw new ExportError('BUCKET_UNREADABLE', `the bucket ${bucketName} cannot be listed: ${words}`)
	})
	// One name may be the beginning of another.
	return [...new Map(found.flat().map((object) => [object.key, object])).values()]
}

type ToRequest = (backup: ListedBackup) => ExportRequest | null

function createToRequest(policy: Policy, instanceNo: string, folderPath: string): ToRequest {
	const { product, regionCode, bucketName } = policy
	return ({ fileName }) => {
		const request = { product, instanceNo, fileName, bucketName, folderPath, regionCode }
		try {
			return parseExportRequest(toApiRequest(request))
		} catch (error) {
			// A file name that no request may hold.
			if (error instanceof RequestInvalid) return null
			throw error
		}
	}
}

type Inspect = (backup: ListedBackup, request: ExportRequest | null) => Promise<InspectedBackup>

function createInspect({ copies }: Matches, ports: InspectPorts): Inspect {
	const { ledger, destinations, apiUrl, now } = ports

	const isTakenByOther = async (request: ExportRequest): Promise<boolean> => {
		// A folder with the instance's number may be given to another one, too: by a second policy, or by hand.
		const holder = await destinations.holder(request, now())
		return holder !== null && !isSameHolder(holder, toHolder(request))
	}

	const findProof = async (backup: ListedBackup, request: ExportRequest): Promise<ArrivedObject | null> => {
		for (const { key, ...rest } of copies.get(backup.fileName) ?? [])
			if (isInPlace(key, request, destinations.rule) && !(await isContested(key, request, ports)))
				return { key, ...rest }
		return null
	}

	/** The object with which an export was completed, wherever it lies. Listed again: it may have arrived in the meantime. */
	const findSeen = async (backup: ListedBackup, entry: Entry): Promise<ArrivedObject | null> => {
		const { object, request } = entry.event?.data ?? {}
		if (entry.state !== 'completed' || !object || !request || isPremature(backup, entry)) return null
		const objects = await listFolder(request.bucketName, object.key, ports)
		return objects?.find(({ key, size }) => key === object.key && size > 0) ?? null
	}

	return async (backup, request) => {
		const nothing = { ...backup, request, proof: null, entry: null, isTaken: false }
		if (backup.endedAtMs === null || request === null) return nothing
		const isTaken = await isTakenByOther(request)
		const proof = isTaken ? null : await findProof(backup, request)
		if (proof !== null) return { ...nothing, proof }
		const known = await ledger.read(toExportIdentity(apiUrl, request).exportKey)
		const entry = known?.state === 'rejected' ? null : known
		const seen = entry === null ? null : await findSeen(backup, entry)
		return { ...nothing, proof: seen, entry, isTaken }
	}
}

/**
 * Whether an object lies where nobody else's copies do: under a folder with the instance's number, or directly in the
 * request's folder if destinations belong to one instance. The folders below that one may be other instances'.
 */
function isInPlace(
	key: string,
	{ instanceNo, folderPath = '', fileName }: ExportRequest,
	rule: DestinationRule,
): boolean {
	if (namesInstance(key, instanceNo)) return true
	return rule === 'exclusive' && folderOf(key) === folderOf(folderPath + fileName)
}

/**
 * Whether an object may be the copy of another export: under a longer name, of a backup that NCP does not list any more, or
 * in a folder below.
 */
async function isContested(
	key: string,
	request: ExportRequest,
	{ destinations }: InspectPorts,
): Promise<boolean> {
	const names = namesOfRivals(key, request)
	if (names.length > MAX_NAMES) return true
	for (const name of names) {
		const { read, isWhole } = await destinations.namesakes(request.bucketName, name, MAX_NAMESAKES)
		if (!isWhole || read.some((namesake) => isRival(namesake, key, request))) return true
	}
	return false
}

/** Some at a time, in order. */
async function inTurns<Item, Result>(
	items: readonly Item[],
	work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
	const results: Result[] = []
	for (let start = 0; start < items.length; start += READS_AT_A_TIME)
		results.push(...(await Promise.all(items.slice(start, start + READS_AT_A_TIME).map(work))))
	return results
}
