import fc from 'fast-check'
import { expect, it } from 'vitest'
import { assessBackup, requestsFor } from '../../lib/coverage/assess-backup.ts'
import { matchObjects } from '../../lib/coverage/match-objects.ts'
import { anObject, backup, END_MS, HOUR_MS, NOW } from './samples.ts'

/** Names that are the beginnings of others, as dates with a number behind them are. */
const names = fc.uniqueArray(fc.stringMatching(/^2026112[0-3]([._-][12]){0,2}$/), {
	minLength: 1,
	maxLength: 8,
})

/** How NCP may have named the copy of a file, and what strangers may have put there. */
const endings = fc.constantFrom('', '.tar.gz', '.gz', '_1', '-2.x')

const plan = names.chain((listed) =>
	fc.record({
		listed: fc.constant(listed),
		copies: fc.array(
			fc.record({
				name: fc.constantFrom(...listed),
				ending: endings,
				size: fc.constantFrom(0, 10),
				ageMs: fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
			}),
			{ maxLength: 12 },
		),
		strangers: fc.array(fc.stringMatching(/^[a-z]{1,4}(\/2026112[0-3])?x?$/), { maxLength: 4 }),
	}),
)

it('gives each object to one backup at most, whose name it has, and to the one with the longest', () => {
	fc.assert(
		fc.property(plan, ({ listed, copies, strangers }) => {
			const keys = new Map(
				copies.map(({ name, ending, size, ageMs }) => [
					`1/${name}${ending}`,
					anObject(`1/${name}${ending}`, { size, atMs: END_MS - ageMs }),
				]),
			)
			for (const key of strangers) keys.set(`1/${key}`, anObject(`1/${key}`))
			const objects = [...keys.values()]
			const matches = matchObjects(
				listed.map((name) => backup(name)),
				objects,
				'1/',
			)
			const owners = new Map(
				[...matches.copies].flatMap(([name, found]) => found.map(({ key }) => [key, name])),
			)
			expect(owners.size).toBe([...matches.copies.values()].flat().length)
			for (const { key, size, lastModified } of objects) {
				const segment = key.split('/').at(-1) ?? ''
				// Written another way than in the code: the names whose rest is empty or starts with a separator.
				const fitting = listed
					.filter((name) => new RegExp(`^${RegExp.escape(name)}([._-].+)?$`).test(segment))
					.sort((a, b) => b.length - a.length)
				const isUsable = size > 0 && Date.parse(lastModified) >= END_MS - 5 * 60_000
				expect(owners.get(key)).toBe(isUsable ? fitting[0] : undefined)
			}
			const named = objects.filter(({ key }) =>
				listed.some((name) =>
					new RegExp(`^${RegExp.escape(name)}([._-].+)?$`).test(key.split('/').at(-1) ?? ''),
				),
			)
			expect(matches.unknownObjects).toBe(objects.length - named.length)
		}),
		{ numRuns: 2_000 },
	)
})

it('asks for each due backup once, in the order of their ends, whatever the order of the list', () => {
	const backups = fc.uniqueArray(
		fc.record({
			fileName: fc.stringMatching(/^[a-f]{1,3}$/),
			endedAtMs: fc.option(fc.integer({ min: NOW - 40 * HOUR_MS, max: NOW }), { freq: 8 }),
			isProven: fc.boolean(),
			isTaken: fc.boolean(),
		}),
		{ selector: ({ fileName }) => fileName, maxLength: 20 },
	)
	fc.assert(
		fc.property(backups, fc.integer({ min: 1, max: 48 }), (listed, graceHours) => {
			const assessed = listed.map(({ fileName, endedAtMs, isProven, isTaken }) =>
				assessBackup(
					{
						...backup(fileName, endedAtMs),
						request: { product: 'postgresql', instanceNo: '1', fileName, bucketName: 'my-bucket' },
						proof: isProven ? anObject(fileName) : null,
						entry: null,
						isTaken,
					},
					NOW,
					graceHours * HOUR_MS,
				),
			)
			const due = listed.filter(
				({ endedAtMs, isProven, isTaken }) => endedAtMs !== null && !isProven && !isTaken,
			)
			const asked = requestsFor(assessed).map(({ fileName }) => fileName)
			expect([...asked].sort()).toEqual(due.map(({ fileName }) => fileName).sort())
			const ends = asked.map((name) => listed.find(({ fileName }) => fileName === name)?.endedAtMs ?? 0)
			expect(ends).toEqual([...ends].sort((a, b) => a - b))
		}),
		{ numRuns: 1_000 },
	)
})
