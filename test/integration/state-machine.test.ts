import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StateMachine } from 'aws-local-stepfunctions'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { root } from '../template/packaged.ts'

/** Any JSON value, by the interpreter's own type. */
type Answer = Awaited<ReturnType<StateMachine['run']>['result']>

let cloud: Cloud
beforeAll(async () => {
	let busyCalls = 2
	cloud = await startCloud({
		arrivalDeadlineMinutes: 1 / 12,
		simulator: {
			fault: ({ fileName }) => (fileName === '20210529' && busyCalls-- > 0 ? 'throttle' : undefined),
		},
	})
})
afterAll(() => cloud.stop())

/** As Lambda does for Step Functions: an error has the name that the function's error had. */
async function invoke(input: unknown) {
	const result = await cloud.functions['on-pipeline-event'].invoke(input)
	if (result.ok) return result.value as Answer
	const error = new Error(result.errorMessage)
	error.name = result.errorType
	throw error
}

it('waits for the last word on each backup, retries what may be retried, and catches what is invalid', async () => {
	const definition = JSON.parse(await readFile(join(root, 'docs/state-machine.json'), 'utf8'))
	const machine = new StateMachine(definition)
	const request = { cloudPostgresqlInstanceNo: '1234925', bucketName: 'my-bucket' }
	const requests = [
		{ ...request, fileName: '20210528' },
		{ ...request, fileName: '20210529' },
		{ ...request, fileName: 'no-such-backup' },
		{ ...request, fileName: '' },
	]
	const execution = machine.run(
		{ requests },
		{
			overrides: {
				taskResourceLocalHandlers: { Export: invoke, LookUp: invoke },
				waitTimeOverrides: { Wait: 300 },
				retryIntervalOverrides: { Export: 50, LookUp: 50 },
			},
		},
	)
	const results = (await execution.result) as unknown as (OutcomeEvent & { error?: { Error: string } })[]
	expect(results.map(({ data, error }) => data?.state ?? error?.Error)).toEqual([
		'completed',
		'completed',
		'refused',
		'RequestInvalid',
	])
	expect(results[0]?.data.object?.key).toBe('20210528')
	expect(cloud.ncp?.performed.map(({ fileName }) => fileName).sort()).toEqual(['20210528', '20210529'])
})
