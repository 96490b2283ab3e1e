import { describe, expect, it } from 'vitest'
import { ExportError } from '../../lib/errors.ts'
import { handleCheck } from '../../lib/queue/handle-check.ts'

const CHECK = { exportKey: 'k', exportId: 'e', check: 3 }

function handle(error: Error | null, isLast: boolean) {
	const scheduled: unknown[][] = []
	const result = handleCheck(
		{ check: CHECK, isLast },
		{
			checkArrival: async () => {
				if (error !== null) throw error
			},
			schedule: async (...args) => void scheduled.push(args),
		},
	)
	return { scheduled, result }
}

describe('handleCheck', () => {
	it('acknowledges a successful check', async () => {
		const { scheduled, result } = handle(null, true)
		await result
		expect(scheduled).toEqual([])
	})

	it('sends a check whose outcome cannot be published as a new message, on its last receive only', async () => {
		const error = new ExportError('PUBLISH_FAILED', 'down')
		await expect(handle(error, false).result).rejects.toBe(error)
		const { scheduled, result } = handle(error, true)
		await result
		expect(scheduled).toEqual([[CHECK, 900]])
	})

	it.each([new ExportError('EXPORT_GONE', 'gone'), new TypeError('x')])(
		'leaves any other failure to the dead-letter queue: %s',
		async (error) => {
			const { scheduled, result } = handle(error, true)
			await expect(result).rejects.toBe(error)
			expect(scheduled).toEqual([])
		},
	)
})
