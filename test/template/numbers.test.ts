import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { UNSETTLED_MS } from '../../lib/ledger/ledger.ts'
import { MAX_BACK_OFF_SECONDS } from '../../lib/queue/back-off.ts'
import { numbersFor } from '../../tools/template/numbers.ts'

const DAY_SECONDS = 86_400

it('retains every message for as long as it is retried, and every export for longer than its messages', () => {
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 72 }),
			fc.integer({ min: 1, max: 10_080 }),
			(retryHours, arrivalDeadlineMinutes) => {
				const numbers = numbersFor({ retryHours, arrivalDeadlineMinutes })
				const { visibilitySeconds, maxReceiveCount, arrivalReceiveCount, functionTimeoutSeconds } = numbers
				// Even for messages without back-off.
				expect((maxReceiveCount - 1) * visibilitySeconds).toBeGreaterThanOrEqual(retryHours * 3_600)
				expect((arrivalReceiveCount - 1) * visibilitySeconds).toBeGreaterThanOrEqual(retryHours * 3_600)
				expect(maxReceiveCount).toBeLessThanOrEqual(1_000)
				expect(arrivalReceiveCount).toBeLessThanOrEqual(1_000)
				const longestSeconds = maxReceiveCount * (MAX_BACK_OFF_SECONDS + functionTimeoutSeconds)
				expect(numbers.retentionSeconds).toBeGreaterThan(longestSeconds)
				expect(numbers.arrivalRetentionSeconds).toBeGreaterThan(arrivalReceiveCount * visibilitySeconds)
				expect(numbers.retentionSeconds).toBeLessThanOrEqual(14 * DAY_SECONDS)
				expect(numbers.arrivalRetentionSeconds).toBeLessThanOrEqual(14 * DAY_SECONDS)
				expect(UNSETTLED_MS / 1000).toBeGreaterThan(numbers.deadRetentionSeconds)
			},
		),
	)
})

it('matches docs/operations.md for the default parameters', async () => {
	const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
	const numbers = numbersFor({ retryHours: 4, arrivalDeadlineMinutes: 120 })
	const longestHours = ((numbers.maxReceiveCount - 1) * MAX_BACK_OFF_SECONDS) / 3_600
	expect(page).toContain(
		`received ${numbers.maxReceiveCount} times, which takes between 4 and ${longestHours} hours`,
	)
	expect(page).toContain(`comes back every ${numbers.visibilitySeconds / 60} minutes`)
	expect(page).toContain(`keeps it for ${UNSETTLED_MS / 1000 / DAY_SECONDS} days`)
})
