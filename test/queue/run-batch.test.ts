import type { SQSRecord } from 'aws-lambda'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { settleInOrder, toBatchResponse } from '../../lib/queue/run-batch.ts'

it('runs groups concurrently and each group in order, whatever fails', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.scheduler(),
			fc.array(fc.record({ group: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean() }), { maxLength: 10 }),
			async (scheduler, items) => {
				const running = new Set<string>()
				const order: number[] = []
				const settled = settleInOrder(
					items.map((item, index) => ({ ...item, index })),
					({ group }) => group,
					async ({ group, fails, index }) => {
						expect(running).not.toContain(group)
						running.add(group)
						await scheduler.schedule(Promise.resolve())
						running.delete(group)
						order.push(index)
						if (fails) throw new Error(`failed ${index}`)
						return index
					},
				)
				await scheduler.waitFor(settled)
				const results = await settled
				expect(results.map(({ status }) => status === 'rejected')).toEqual(items.map(({ fails }) => fails))
				for (const name of ['a', 'b', 'c']) {
					const ofGroup = order.filter((index) => items[index]?.group === name)
					expect(ofGroup).toEqual([...ofGroup].sort((x, y) => x - y))
				}
			},
		),
	)
})

it('starts all groups before any of them ends', async () => {
	const gate = Promise.withResolvers<void>()
	let started = 0
	const settled = settleInOrder(['a', 'b', 'c'], String, async () => {
		if (++started === 3) gate.resolve()
		await gate.promise
	})
	expect((await settled).every(({ status }) => status === 'fulfilled')).toBe(true)
})

const records = ['a', 'b', 'c', 'd'].map((messageId) => ({ messageId }) as SQSRecord)

it('reports only the records whose work rejected, and logs unexpected errors', async () => {
	const results = await Promise.allSettled([
		Promise.resolve(),
		Promise.reject(new ExportError('NCP_LATER', 'busy')),
		Promise.reject(new TypeError('with a body')),
		Promise.reject('a text'),
	])
	const unforeseen: string[] = []
	expect(toBatchResponse(records, results, (name) => unforeseen.push(name))).toEqual({
		batchItemFailures: [{ itemIdentifier: 'b' }, { itemIdentifier: 'c' }, { itemIdentifier: 'd' }],
	})
	expect(unforeseen).toEqual(['TypeError', 'string'])
})
