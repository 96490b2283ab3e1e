import { createHash } from 'node:crypto'
import { lastSegment } from '../object-key.ts'
import { PRODUCTS } from '../products.ts'
import type { ExportRequest } from './export-request.ts'

export interface ExportIdentity {
	/** The ledger's key: two requests with one key are one export. */
	exportKey: string
	/** What was asked for, whatever the key was made from. */
	fingerprint: string
}

/**
 * SHA-256, in hex. The fingerprint is over API base, product, region, instance, file, bucket and, if there are
 * any, folder and the product's own choices; the key is the fingerprint, or over the caller's `idempotencyKey` if there is one.
 */
export function toExportIdentity(apiUrl: string, request: ExportRequest): ExportIdentity {
	const { product, regionCode, instanceNo, fileName, chosen, bucketName, folderPath, idempotencyKey } =
		request
	const fingerprint = hash([
		apiUrl,
		PRODUCTS[product].path,
		regionCode ?? '',
		instanceNo,
		fileName,
		bucketName,
		// Without a folder, as before there were any: exports keep their keys across an upgrade.
		...(folderPath === undefined ? [] : [folderPath]),
		// Under one file name, a Cache may have a backup of each kind.
		...Object.values(chosen ?? {}),
	])
	return {
		exportKey: idempotencyKey === undefined ? fingerprint : hash(['idempotencyKey', idempotencyKey]),
		fingerprint,
	}
}

/** `exclusive`: a destination belongs to one instance. `shared`: each instance has its own record of it. */
export type DestinationRule = 'exclusive' | 'shared'

/** A place in Object Storage, and who asks for it. */
export interface Destination {
	/**
	 * SHA-256, in hex, over API base, bucket and the file's path in it: its folder, if any, and its name. Under the rule
	 * `shared` over the holder, too.
	 */
	key: string
	/** The same for all destinations in a bucket whose file has this name. */
	nameKey: string
}

/** Where the export of a request is to go. */
export function toDestination(apiUrl: string, request: ExportRequest, rule: DestinationRule): Destination {
	const { bucketName, folderPath = '', fileName } = request
	const place = ['destination', apiUrl, bucketName, folderPath + fileName]
	return {
		key: hash(rule === 'exclusive' ? place : [...place, toHolder(request)]),
		nameKey: toNameKey(apiUrl, bucketName, lastSegment(fileName)),
	}
}

/** Shared by all destinations in a bucket whose file has this name. */
export function toNameKey(apiUrl: string, bucketName: string, name: string): string {
	return hash(['name', apiUrl, bucketName, name])
}

/** `{product}/{region}/{number}`, in the API's words: names an instance across products and regions. "-" stands for the default region, whose name only NCP knows. */
export function toInstance({
	product,
	regionCode = '-',
	instanceNo,
}: Pick<ExportRequest, 'product' | 'regionCode' | 'instanceNo'>): string {
	return `${PRODUCTS[product].path}/${regionCode}/${instanceNo}`
}

/**
 * Whom a destination belongs to: the instance, and for a Cache one of its kinds of backup, `{product}/{region}/{number}/{kind}`.
 * Both kinds may have a file of one name, and one would overwrite the other.
 */
export function toHolder(request: ExportRequest): string {
	return [toInstance(request), ...Object.values(request.chosen ?? {})].join('/')
}

/** Whether two holders are of one instance. Without a region it is in the default one, which may be the other's. */
export function isSameInstance(a: string, b: string): boolean {
	const [productA, regionA, numberA] = a.split('/')
	const [productB, regionB, numberB] = b.split('/')
	const isSameRegion = regionA === regionB || regionA === '-' || regionB === '-'
	return productA === productB && numberA === numberB && isSameRegion
}

/** Whether two holders may write to one destination. */
export function isSameHolder(a: string, b: string): boolean {
	const kindOf = (holder: string): string => holder.split('/').slice(3).join('/')
	return isSameInstance(a, b) && kindOf(a) === kindOf(b)
}

/** As JSON, so that no two lists of parts run together into one text. */
function hash(parts: readonly string[]): string {
	return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
