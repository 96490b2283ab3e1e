import type { AssessedBackup } from '../../lib/coverage/assess-backup.ts'
import { type Policy, parsePolicy } from '../../lib/coverage/policy.ts'
import type { ArrivedObject } from '../../lib/outcome/outcome.ts'
import type { ListedBackup } from '../../lib/ports.ts'

export const HOUR_MS = 60 * 60 * 1000
export const NOW = Date.UTC(2026, 10, 25, 12)

/** When the sample backups ended: within the default grace. */
export const END_MS = NOW - 2 * HOUR_MS

export function backup(fileName: string, endedAtMs: number | null = END_MS): ListedBackup {
	const startedAtMs = endedAtMs === null ? NOW - HOUR_MS : endedAtMs - HOUR_MS
	return { fileName, startedAtMs, endedAtMs, sizeBytes: 1_000 }
}

export function anObject(
	key: string,
	{ size = 10, atMs = END_MS + 60_000 }: { size?: number; atMs?: number } = {},
): ArrivedObject {
	return { key, size, etag: 'e', lastModified: new Date(atMs).toISOString() }
}

export function policy(changes: object = {}): Policy {
	return parsePolicy({ name: 'nightly', bucketName: 'my-bucket', regionCode: 'KR', ...changes })
}

export function assessed(
	fileName: string,
	state: AssessedBackup['state'],
	changes: Partial<AssessedBackup> = {},
): AssessedBackup {
	return {
		...backup(fileName),
		request: { product: 'postgresql', instanceNo: '1', fileName, bucketName: 'my-bucket', folderPath: '1/' },
		proof: state === 'covered' ? anObject(`1/${fileName}`) : null,
		entry: null,
		isTaken: false,
		state,
		isBehind: false,
		...changes,
	}
}
