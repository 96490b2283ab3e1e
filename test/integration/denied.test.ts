import { afterEach, describe, expect, it } from 'vitest'
import { LOCAL_KEYS } from '../../tools/local/cloud.ts'
import type { Fault } from '../../tools/local/ncp-simulator.ts'
import { denial, type GateCall, startGate } from '../gate.ts'
import { startEmbeddedSecrets } from '../secrets-manager.ts'
import { World } from './world.ts'

let world: World | undefined
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	await world?.stop()
	world = undefined
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

const FILES = Array.from({ length: 5 }, (_, n) => `file-${n}`)
const HOUR_MINUTES = 60

interface Line {
	level?: string
	message?: string
	reason?: string
	step?: string
	aws?: { service: string; action: string; resource: string; code: string }
	AwsRefused?: number | number[]
}

/** A world in which AWS denies some calls for the first hour. */
async function startDenied(
	isDenied: (call: GateCall) => boolean,
	env: Record<string, string> = {},
	fault: () => Fault | undefined = () => undefined,
) {
	const lines: Line[] = []
	let isOver = false
	const started = await World.start({
		env,
		maxReceiveCount: 41,
		onLine: (line) => lines.push(JSON.parse(line) as Line),
		onProblem: () => undefined,
		intercept: (call, phase) => {
			if (phase === 'before' && !isOver && isDenied(call)) throw denial(call)
		},
		simulator: { instances: new Map([['1', { regionCode: 'KR', backups: new Set(FILES) }]]), fault },
	})
	world = started
	return { started, lines, end: () => (isOver = true) }
}

const sendAll = async (started: World) => {
	for (const fileName of FILES)
		await started.send({ cloudPostgresqlInstanceNo: '1', fileName, bucketName: 'my-bucket' })
}

const isTable = ({ operation }: GateCall) =>
	/^(Get|Put|Update|Delete)(Item|Destination)$|^Query$/.test(operation)

describe('an hour in which AWS denies', () => {
	it.each([
		['the table', isTable, 'claim', { service: 'dynamodb', resource: /./, code: 'AccessDeniedException' }],
		[
			'the topic',
			({ operation }: GateCall) => operation === 'PublishBatch',
			'publish',
			{ service: 'sns', resource: /export-outcomes/, code: 'AuthorizationError' },
		],
		[
			'the arrival queue',
			({ operation, body }: GateCall) => operation === 'SendMessage' && body.includes('export-arrivals'),
			'schedule',
			{ service: 'sqs', resource: /^export-arrivals$/, code: 'AccessDeniedException' },
		],
	])('%s loses nothing, and its first log line says what is wrong', async (_name, isDenied, step, aws) => {
		const { started, lines, end } = await startDenied(isDenied)
		await sendAll(started)
		await started.settle()
		const first = lines.find(({ message }) => message?.endsWith('not finished'))
		expect(first).toMatchObject({
			level: 'ERROR',
			step,
			aws: { ...aws, resource: expect.stringMatching(aws.resource), action: expect.any(String) },
		})
		expect(first?.reason).toContain(aws.code)
		// At once, for the alarm.
		expect(lines.some(({ AwsRefused }) => AwsRefused !== undefined)).toBe(true)
		await started.pass(HOUR_MINUTES, 10)
		end()
		await started.pass(3 * HOUR_MINUTES, 10)
		expect(started.cloud.ncp?.performed.map(({ fileName }) => fileName).sort()).toEqual(FILES)
		const last = started.events.filter(({ data }) => data.terminal)
		expect(new Set(last.map(({ id }) => id)).size).toBe(FILES.length)
		expect(last.every(({ data }) => data.state === 'completed')).toBe(true)
		expect(await started.deadLetters()).toEqual([])
	})

	it('the dead-letter queue loses no rejected message, backs off, and says which queue it is', async () => {
		const { started, lines, end } = await startDenied(
			({ operation, body }) => operation === 'SendMessage' && body.includes('requests-dead'),
		)
		await started.send({ a: 1 })
		await started.pass(HOUR_MINUTES, 1)
		const failures = lines.filter(({ message }) => message === 'export not finished')
		expect(failures[0]).toMatchObject({
			level: 'ERROR',
			aws: { service: 'sqs', action: 'SendMessage', resource: 'export-requests-dead' },
		})
		// Two a minute would be 120.
		expect(failures.length).toBeLessThan(15)
		expect(await started.deadLetters()).toEqual([])
		end()
		await started.pass(HOUR_MINUTES, 10)
		expect(await started.deadLetters()).toEqual([{ a: 1 }])
		expect(new Set(started.events.map((event) => JSON.stringify(event))).size).toBe(1)
	})

	it('the request queue loses nothing, and the log says that a message could not be hidden', async () => {
		let isBusy = true
		const { started, lines, end } = await startDenied(
			({ operation }) => operation === 'ChangeMessageVisibility',
			{},
			() => (isBusy ? 'busy' : undefined),
		)
		await sendAll(started)
		await started.settle()
		expect(lines.find(({ aws }) => aws !== undefined)).toMatchObject({
			level: 'ERROR',
			aws: { service: 'sqs', action: 'ChangeMessageVisibility', resource: 'export-requests' },
		})
		await started.pass(HOUR_MINUTES, 10)
		isBusy = false
		end()
		await started.pass(3 * HOUR_MINUTES, 10)
		expect(started.cloud.ncp?.performed.map(({ fileName }) => fileName).sort()).toEqual(FILES)
		expect(await started.deadLetters()).toEqual([])
	})

	it('the secret loses nothing, and its first log line says what is wrong', async () => {
		const secrets = await startEmbeddedSecrets()
		secrets.put('ncp', JSON.stringify(LOCAL_KEYS))
		let isDenied = true
		const gate = await startGate(secrets.url, (call) => {
			if (isDenied) throw denial(call)
		})
		cleanups.push(gate.stop, secrets.stop)
		const env = {
			...{ NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '' },
			...{ CREDENTIALS_SECRET_ID: 'ncp', AWS_ENDPOINT_URL_SECRETS_MANAGER: gate.url },
		}
		const { started, lines } = await startDenied(() => false, env)
		await sendAll(started)
		await started.settle()
		expect(lines.find(({ message }) => message === 'export not finished')).toMatchObject({
			level: 'ERROR',
			code: 'SECRET_UNREADABLE',
			aws: {
				service: 'secretsmanager',
				action: 'GetSecretValue',
				resource: 'ncp',
				code: 'AccessDeniedException',
			},
		})
		await started.pass(HOUR_MINUTES, 10)
		isDenied = false
		await started.pass(3 * HOUR_MINUTES, 10)
		expect(started.cloud.ncp?.performed.map(({ fileName }) => fileName).sort()).toEqual(FILES)
		expect(await started.deadLetters()).toEqual([])
	})
})
