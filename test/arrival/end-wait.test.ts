import { expect, it } from 'vitest'
import { createEndWait, toCompleted, toEndOfWait } from '../../lib/arrival/end-wait.ts'
import type { Finding } from '../../lib/ports.ts'
import { writeOpen } from '../entries.ts'
import { createArrivalPorts, createMemoryLedger, overtake } from '../fakes.ts'

const REQUEST = {
	product: 'postgresql',
	instanceNo: '1',
	fileName: '20210528',
	bucketName: 'my-bucket',
} as const
const CANDIDATES = { kind: 'candidates', keys: ['exports/20210528'] } as const

const endOf = (finding: Exclude<Finding, { kind: 'found' }>, folderPath?: string) =>
	toEndOfWait(finding, { ...REQUEST, folderPath }, 7)

it.each([
	[
		'missing',
		{ kind: 'absent' },
		undefined,
		'NOT_ARRIVED',
		'the object had not been found when the deadline passed',
	],
	[
		'unverified',
		{ kind: 'unreadable', reason: 'AccessDenied' },
		undefined,
		'NOT_VERIFIABLE',
		'the bucket could not be read until the deadline passed (AccessDenied)',
	],
	[
		'unverified',
		{ ...CANDIDATES, doubt: 'shared' },
		undefined,
		'OBJECT_AMBIGUOUS',
		"exports/20210528 may be this export's object or another's: other instances may write to the same place; use a separate folder for each instance",
	],
	[
		'unverified',
		{ ...CANDIDATES, doubt: 'contested' },
		'1/',
		'OBJECT_AMBIGUOUS',
		"exports/20210528 may be this export's object or another's: another export may have put it there; use a separate folder for each instance",
	],
	[
		'unverified',
		{ ...CANDIDATES, doubt: 'elsewhere' },
		'1/',
		'OBJECT_AMBIGUOUS',
		"exports/20210528 may be this export's object or another's: it is not in the folder of the request, which NCP may have ignored",
	],
	[
		'unverified',
		{ ...CANDIDATES, doubt: 'elsewhere' },
		undefined,
		'OBJECT_AMBIGUOUS',
		"exports/20210528 may be this export's object or another's; if it is this one's, set ARRIVAL_KEY_PREFIX to exports/{fileName}",
	],
] as const)(
	'ends as %s with the words for %j in the folder %s',
	(state, finding, folderPath, code, message) => {
		const found = endOf(finding, folderPath)
		expect(found).toMatchObject({ state, object: null, checkedAtMs: 7, error: { code, message } })
		expect(found.candidates).toEqual(finding.kind === 'candidates' ? CANDIDATES.keys : undefined)
	},
)

it('quotes no prefix of more than 200 characters', () => {
	const key = (length: number) => `${'x'.repeat(length - '/{fileName}'.length)}/20210528`
	const messageFor = (length: number) =>
		endOf({ kind: 'candidates', keys: [key(length)], doubt: 'elsewhere' }).error?.message
	expect(messageFor(200)).toMatch(/set ARRIVAL_KEY_PREFIX to x+\/\{fileName\}$/)
	expect(messageFor(201)).toMatch(/set ARRIVAL_KEY_PREFIX to where it lies$/)
})

it('completes with the object that was found, and without an error', () => {
	const object = { key: 'k', size: 1, etag: 'e', lastModified: '2026-11-24T00:00:00.000Z' }
	expect(toCompleted({ kind: 'found', object, candidates: [] }, 7)).toEqual({
		state: 'completed',
		object,
		error: null,
		checkedAtMs: 7,
	})
})

it('is stale when another check has moved the export on, and stores nothing', async () => {
	const memory = createMemoryLedger()
	const entry = await writeOpen(memory, 'accepted', 7)
	const endWait = createEndWait(createArrivalPorts({ ledger: overtake(memory, () => ({ nextCheck: 1 })) }))
	expect(await endWait(entry, endOf({ kind: 'absent' }), [])).toEqual({ kind: 'stale' })
	expect(memory.entries.get(entry.exportKey)).toMatchObject({ state: 'accepted', nextCheck: 1 })
})
