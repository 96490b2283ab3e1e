import { expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { judgeOutcome } from '../../tools/ops/smoke.ts'
import { acceptedEvent } from '../events.ts'

function outcome(
	state: OutcomeEvent['data']['state'],
	ncpCode: string | null,
	message: string,
): OutcomeEvent {
	const event = acceptedEvent('export-1')
	const error = { code: 'NCP_REFUSED', envelope: 'api', ncpCode, message } as const
	return { ...event, data: { ...event.data, state, error: ncpCode === null ? null : error } }
}

it('passes only for a refusal because the instance does not exist', () => {
	expect(judgeOutcome(outcome('refused', '5001017', 'no instance'))).toMatchObject({ result: 'ok' })
})

it.each([
	['refused', '300', /refused the request, but not because.*refused: Not Found.*check the zone/],
	['exhausted', '400', /^exhausted: Not Found.*runbook\.md#exhausted/],
	['unknown', '510', /reply was lost.*runbook\.md#unknown/],
	['rejected', '', /cannot end like this/],
	['accepted', null, /cannot end like this.*is NCP's address correct/],
] as const)('fails for %s with code %s, and says what to do', (state, code, words) => {
	expect(judgeOutcome(outcome(state, code, 'Not Found'))).toEqual({
		result: 'failed',
		words: expect.stringMatching(words),
	})
})
