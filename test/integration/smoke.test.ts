import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../tools/local/cloud.ts'
import { startAwsApis, toOutputs } from '../aws-apis.ts'
import { runCommand, startCommand } from './command.ts'
import { takeOutcomes } from './outcomes.ts'

let folder: string
let cloud: Cloud
/** Whose functions do not run. */
let idle: Cloud
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'smoke-'))
	// A folder that the request does not name, as most stages add one.
	cloud = await startCloud({ env: { FOLDER_PATH: '{instanceNo}/' } })
	idle = await startCloud({ isQueueIdle: true })
	await writeFile(join(folder, 'cloud.json'), JSON.stringify(cloud.connection))
	await writeFile(join(folder, 'idle.json'), JSON.stringify(idle.connection))
})
afterAll(async () => {
	await idle.stop()
	await cloud.stop()
	await rm(folder, { recursive: true })
})

const on = (name: string) => ({ LOCAL_CLOUD_FILE: join(folder, name) })

const smoke = (args: string[], env: Record<string, string>) =>
	runCommand('tools/ops/main.ts', ['smoke', ...args], { env })

const REFUSED = {
	step: 'refused',
	words: expect.stringContaining('The instance does not exist'),
}

describe('npm run smoke', () => {
	it('passes when NCP refuses the request and the outcome is on the topic, and exports nothing', async () => {
		const { code, json, errors } = await smoke(['--json'], on('cloud.json'))
		const [event] = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		const steps = json() as { step?: string; words: string }[]
		expect(steps.filter(({ step }) => step !== 'claimed')).toMatchObject([
			{ step: 'sent', words: expect.stringContaining(event?.data.trigger.id ?? '') },
			REFUSED,
			{ step: 'published' },
			{ result: 'ok' },
		])
		expect(event?.data).toMatchObject({ state: 'refused', request: { folderPath: '999999999999/' } })
		expect(steps[0]?.words).toContain(event?.data.request?.fileName)
		expect(cloud.ncp?.performed).toEqual([])
		expect(errors).toBe('')
		expect(code).toBe(0)
	})

	it('is a request of its own each time', async () => {
		expect(await smoke([], on('cloud.json'))).toMatchObject({
			code: 0,
			output: expect.stringMatching(/^refused {4}.*\npublished {2}the topic has the outcome\n\nPassed: /m),
		})
		const [event] = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		expect(event?.data).toMatchObject({ state: 'refused', attempts: 1 })
	})

	it('runs on a deployed stage, and warns of the alarm', async () => {
		const apis = await startAwsApis()
		apis.outputs = toOutputs(cloud.connection)
		const env = { ...cloud.aws.env, ...apis.env, AWS_ENDPOINT_URL_DYNAMODB: cloud.table.endpoint }
		const args = ['--stage', 'prod', '--region', cloud.aws.region]
		const { code, output } = await smoke(args, env)
		await apis.stop()
		expect(output).toContain('Sending stage prod in ap-northeast-2 a request')
		expect(output).toContain('the alarm "refused" fires once')
		expect(code).toBe(0)
		expect(await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)).toMatchObject([
			{ data: { state: 'refused' } },
		])
	})

	it('fails when no function takes the request, and says where to look', async () => {
		const { code, output } = await smoke(['--timeout', '1'], on('idle.json'))
		expect(output).toMatch(/^FAILED: after 1 s no function has taken the request: run doctor, and look at/m)
		expect(code).toBe(1)
	})

	it('fails when the outcome is stored but not published', async () => {
		idle.aws.failPublishes(Number.POSITIVE_INFINITY)
		const { line, exit, lines } = startCommand(
			'tools/ops/main.ts',
			['smoke', '--timeout', '6'],
			on('idle.json'),
		)
		await line(/^sent/)
		// Also the request that the test before left in the queue.
		while ((await idle.pollOnce('requests', 0)) > 0);
		const code = await exit
		idle.aws.failPublishes(0)
		expect(lines.join('\n')).toMatch(
			/^refused .*\n\nFAILED: after 6 s the outcome is stored, but not published: see docs\/runbook.md#publishing/m,
		)
		expect(code).toBe(1)
	})

	it('fails when the queue does not take the request', async () => {
		const { requestQueueUrl } = cloud.connection
		const broken = { ...cloud.connection, requestQueueUrl: `${requestQueueUrl}-gone` }
		await writeFile(join(folder, 'broken.json'), JSON.stringify(broken))
		expect(await smoke([], on('broken.json'))).toMatchObject({
			code: 1,
			output: expect.stringMatching(
				/^FAILED: the request was not sent: the queue export-requests-gone does not exist/m,
			),
		})
	})

	it.each([
		['SIGINT', 130],
		['SIGTERM', 143],
	] as const)('ends at once on %s, with code %i', async (signal, expected) => {
		const { child, line, exit, errors } = startCommand(
			'tools/ops/main.ts',
			['smoke', '--timeout', '600'],
			on('idle.json'),
		)
		await line(/^sent/)
		child.kill(signal)
		expect(await exit).toBe(expected)
		expect(errors()).toBe('')
	})

	it('explains itself', async () => {
		const { output, code } = await smoke(['--help'], {})
		expect(output).toContain('alarm "refused" fires once')
		expect(code).toBe(0)
	})
})

describe('npm run smoke, on a stage whose keys are wrong', () => {
	it('shows what the request waits for, and fails with it', async () => {
		const locked = await startCloud({ env: { NCP_SECRET_KEY: 'swordfish' } })
		await writeFile(join(folder, 'locked.json'), JSON.stringify(locked.connection))
		const { code, output } = await smoke(['--timeout', '5'], on('locked.json'))
		const { Attributes } = await locked.aws.sqs.send(
			new GetQueueAttributesCommand({
				QueueUrl: locked.outcomeQueue.url,
				AttributeNames: ['ApproximateNumberOfMessages'],
			}),
		)
		await locked.stop()
		expect(output).toMatch(/^waiting {4}NCP_CREDENTIALS: NCP does not accept the key pair/m)
		expect(output).toMatch(/^FAILED: /m)
		expect(output).not.toContain('swordfish')
		expect(Attributes?.ApproximateNumberOfMessages).toBe('0')
		expect(code).toBe(1)
	})
})
