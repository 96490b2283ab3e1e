import type { AssessedBackup } from '../../lib/coverage/assess-backup.ts'
import type { Coverage } from '../../lib/coverage/coverage-event.ts'
import { count } from '../terminal/count.ts'
import { paintState } from '../terminal/coverage-row.ts'
import { paint } from '../terminal/outcome-row.ts'
import { BY_HAND } from './choose-policies.ts'
import { print, printColumns } from './command.ts'

/** A table for each policy: the backups of each instance, the oldest first. */
export function printCoverage(coverages: readonly Coverage[]): void {
	for (const [policy, own] of Map.groupBy(coverages, (coverage) => coverage.policy)) {
		if (policy.name !== BY_HAND)
			print(paint('bold', `Policy ${policy.name}: ${policy.bucketName}, ${policy.folderPath}`))
		printTable(own)
		print('')
	}
}

const STATE_COLUMN = 4

function printTable(coverages: readonly Coverage[]): void {
	const backups = coverages.flatMap(({ instanceNo, backups }) =>
		[...backups].sort(byTime).map((backup) => ({ instanceNo, backup })),
	)
	if (backups.length === 0) return
	printColumns(
		[
			['instance', 'file', 'finished', 'size', 'state', 'where or why'],
			...backups.map(({ instanceNo, backup }) => toRow(instanceNo, backup)),
		],
		(text, row, column) => {
			const state = backups[row - 1]?.backup.state
			return state !== undefined && column === STATE_COLUMN ? paintState(state, text) : text
		},
	)
}

function byTime(a: AssessedBackup, b: AssessedBackup): number {
	return (a.endedAtMs ?? Infinity) - (b.endedAtMs ?? Infinity)
}

function toRow(instanceNo: string, backup: AssessedBackup): string[] {
	const { fileName, endedAtMs, sizeBytes, state } = backup
	const finished = endedAtMs === null ? '' : `${new Date(endedAtMs).toISOString().slice(0, 16)}Z`
	return [instanceNo, fileName, finished, sizeBytes === null ? '' : toSize(sizeBytes), state, explain(backup)]
}

/** Where the copy is, or why there is none. */
function explain({ state, proof, entry, request, isTaken }: AssessedBackup): string {
	const exported = entry === null ? '' : `export ${entry.exportId}`
	const error = entry?.event?.data.error
	switch (state) {
		case 'covered':
			return proof === null ? '' : `${proof.key}, ${count(proof.size, 'byte')}`
		case 'under-way':
			return `${exported} is ${entry?.state}`
		case 'due':
			return entry === null
				? 'not in the folder, and no export of it is known'
				: `not in the folder; its last export ended as ${entry.state}`
		case 'gone':
			return `${exported} is completed, but the object is not there any more`
		case 'running':
			return 'the backup has not ended'
		case 'failing':
			if (isTaken) return "its place in the bucket is another instance's"
			if (request === null) return 'a request cannot have this file name'
			if (entry?.state === 'completed') return `${exported} was asked for before the backup had ended`
			return `${exported} is ${entry?.state}${error ? `: ${error.message}` : ''}`
	}
}

function toSize(bytes: number): string {
	const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
	const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
	return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
