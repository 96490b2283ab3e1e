import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import {
	type CallList,
	createListBackups,
	createListInstances,
	toListReply,
} from '../../lib/ncp/list-action.ts'
import { toBody } from '../../tools/local/ncp-answer.ts'
import { answerList, LIST_ACTIONS, type ListQuirks } from '../../tools/local/ncp-lists.ts'

const NOW = Date.UTC(2026, 10, 25)
const QUERY = { product: 'postgresql', regionCode: undefined } as const

const quirks: fc.Arbitrary<ListQuirks> = fc.record(
	{
		numbers: fc.constantFrom('mixed', 'texts', 'numbers'),
		shape: fc.constantFrom('array', 'wrapped', 'lone'),
		omitsEmpty: fc.boolean(),
		refusesEmpty: fc.boolean(),
		rootName: fc.constantFrom('exportBackupToObjectStorageResponse', 'aResponse'),
		offset: fc.constantFrom('+0900', '+09:00', 'Z'),
		firstPage: fc.constantFrom<(0 | 1 | 'both')[]>(0, 1, 'both'),
		repeatedRows: fc.nat({ max: 3 }),
		maxPageSize: fc.integer({ min: 1, max: 120 }),
		maxUnpaged: fc.nat({ max: 40 }),
	},
	{ requiredKeys: [] },
)

/** What makes a list less than whole. */
const damage: fc.Arbitrary<ListQuirks> = fc.oneof(
	fc.record({ cutTo: fc.nat({ max: 150 }) }),
	fc.record({ omitsTotal: fc.constant(true) }),
)

const format = fc.constantFrom('xml', 'json')
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 99_999_999 }).map(String), {
	maxLength: 170,
	size: 'max',
})

/** Answers as the simulator does, in a format that was perhaps not asked for. */
function createServer(names: readonly string[], quirks: ListQuirks, format: string): CallList {
	const instances = new Map(names.map((name) => [name, { regionCode: 'KR', backups: new Set(names) }]))
	return async ({ path, form }) => {
		const action = LIST_ACTIONS.get(path)
		if (action === undefined) throw new Error(path)
		const parameters = new URLSearchParams(form)
		parameters.set('responseFormatType', format)
		const answer = answerList(action, parameters, { instances, nowMs: NOW, quirks })
		const body = toBody(answer, format === 'json')
		return toListReply({ kind: 'replied', reply: { httpStatus: answer.httpStatus, headers: {}, body } })
	}
}

async function listBoth(names: readonly string[], call: CallList): Promise<string[][]> {
	const instances = await createListInstances(call)(QUERY, 10_000)
	const lists = [instances.map(({ instanceNo }) => instanceNo)]
	const [instanceNo] = names
	if (instanceNo !== undefined) {
		const backups = await createListBackups(call)({ ...QUERY, instanceNo }, 10_000)
		expect(backups.every(({ endedAtMs }) => endedAtMs !== null && endedAtMs < NOW)).toBe(true)
		lists.push(backups.map(({ fileName }) => fileName))
	}
	return lists
}

describe('the lists', () => {
	it('hold every row once, whatever the shape, the format and the paging', async () => {
		await fc.assert(
			fc.asyncProperty(numbers, quirks, format, async (names, quirks, format) => {
				for (const list of await listBoth(names, createServer(names, quirks, format)))
					expect(list.toSorted()).toEqual(names.toSorted())
			}),
			{ numRuns: 300 },
		)
	})

	it('hold every row, or are an error, when NCP leaves rows or the count out', async () => {
		await fc.assert(
			fc.asyncProperty(numbers, quirks, damage, format, async (names, quirks, damage, format) => {
				const call = createServer(names, { ...quirks, ...damage }, format)
				const lists = await listBoth(names, call).catch((error) => {
					expect(error).toBeInstanceOf(ExportError)
					expect(error.code).toBe('NCP_LATER')
					return []
				})
				for (const list of lists) expect(list.toSorted()).toEqual(names.toSorted())
			}),
			{ numRuns: 300 },
		)
	})

	it('hold every row, or are an error, when a byte of a reply is lost', async () => {
		await fc.assert(
			fc.asyncProperty(
				numbers,
				quirks,
				format,
				fc.nat(),
				fc.nat({ max: 3 }),
				async (names, quirks, format, at, nth) => {
					const call = createServer(names, quirks, format)
					let calls = 0
					const damaged: CallList = async (request, timeoutMs) => {
						const reply = await call(request, timeoutMs)
						if (calls++ !== nth) return reply
						const body = JSON.stringify({ r: { returnCode: '0', ...reply.fields } })
						const cut = body.slice(0, at % body.length)
						return toListReply({ kind: 'replied', reply: { httpStatus: 200, headers: {}, body: cut } })
					}
					const lists = await listBoth(names, damaged).catch(({ code }) => {
						expect(code).toBe('NCP_LATER')
						return []
					})
					for (const list of lists) expect(list.toSorted()).toEqual(names.toSorted())
				},
			),
			{ numRuns: 200 },
		)
	})
})
