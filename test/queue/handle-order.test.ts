import { expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { handleOrder } from '../../lib/queue/handle-order.ts'

function createWorld(check: (body: string) => Promise<unknown>) {
	const hidden: [string, number][] = []
	const ports = {
		check,
		hide: async (receipt: string, seconds: number) => {
			hidden.push([receipt, seconds])
			return null
		},
		random: () => 0,
	}
	const handle = (receiveCount: number) => handleOrder({ body: 'b', receiptHandle: 'r', receiveCount }, ports)
	return { hidden, handle }
}

it('acknowledges a message whose check was made', async () => {
	const { hidden, handle } = createWorld(async () => 'done')
	await handle(1)
	expect(hidden).toEqual([])
})

it('hides a message longer with each receive, and has it delivered again', async () => {
	const error = new ExportError('NCP_LATER', 'throttled')
	const { hidden, handle } = createWorld(() => Promise.reject(error))
	await expect(handle(1)).rejects.toBe(error)
	await expect(handle(3)).rejects.toBe(error)
	// Half of 10 and of 40 seconds: the certain part.
	expect(hidden).toEqual([
		['r', 5],
		['r', 20],
	])
})

it('gives an unexpected error a code', async () => {
	const { handle } = createWorld(() => Promise.reject(new TypeError('x')))
	await expect(handle(1)).rejects.toMatchObject({ code: 'INTERNAL' })
})
