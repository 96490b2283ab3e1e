import { createHash } from 'node:crypto'
import { PRODUCTS } from '../products.ts'
import type { ExportRequest } from './export-request.ts'

export interface ExportIdentity {
	/** The ledger's key: two requests with one key are one export. */
	exportKey: string
	/** What was asked for, whatever the key was made from. */
	fingerprint: string
}

/**
 * SHA-256, in hex. The fingerprint is over API base, product, region, instance, file, bucket and, if there is
 * one, folder; the key is the fingerprint, or over the caller's `idempotencyKey` if there is one.
 */
export function toExportIdentity(apiUrl: string, request: ExportRequest): ExportIdentity {
	const { product, regionCode, instanceNo, fileName, bucketName, folderPath, idempotencyKey } = request
	const fingerprint = hash([
		apiUrl,
		PRODUCTS[product].path,
		regionCode ?? '',
		instanceNo,
		fileName,
		bucketName,
		// Without a folder, as before there were any: exports keep their keys across an upgrade.
		...(folderPath === undefined ? [] : [folderPath]),
	])
	return {
		exportKey: idempotencyKey === undefined ? fingerprint : hash(['idempotencyKey', idempotencyKey]),
		fingerprint,
	}
}

/** As JSON, so that no two lists of parts run together into one text. */
function hash(parts: readonly string[]): string {
	return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
