import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { coverageEventSchema } from '../../lib/coverage/coverage-event-schema.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import { type Cloud, LOCAL_KEYS, startCloud } from '../../tools/local/cloud.ts'
import type { Instance } from '../../tools/local/ncp-simulator.ts'
import { runCommand, startCommand } from './command.ts'
import { takeOutcomes } from './outcomes.ts'

let folder: string
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'coverage-'))
})
afterAll(() => rm(folder, { recursive: true }))

const environment = (name = 'cloud.json') => ({ LOCAL_CLOUD_FILE: join(folder, name) })

const write = async (name: string, text: string): Promise<string> => {
	const path = join(folder, name)
	await writeFile(path, text)
	return path
}

describe('ops coverage', () => {
	let cloud: Cloud
	/** The lists of this instance fail while it is true. */
	let isFailing = false
	beforeAll(async () => {
		const instance = (...files: string[]) => ({ regionCode: 'KR', backups: new Set(files) })
		cloud = await startCloud({
			arrivalDeadlineMinutes: 2 / 60,
			simulator: {
				instances: new Map<string, Instance>([
					['11', instance('20210528', '20210529')],
					['12', { ...instance('20210601'), landing: 'never' }],
					['13', instance()],
					['14', { ...instance('20210601'), status: 'DEL' }],
				]),
				listFault: ({ instanceNo }) =>
					isFailing && instanceNo === '12'
						? { httpStatus: 400, contentType: 'text/plain', body: 'no' }
						: undefined,
			},
		})
		await write('cloud.json', JSON.stringify(cloud.connection))
	})
	afterAll(() => cloud.stop())

	const coverage = (args: string[], env: NodeJS.ProcessEnv = {}) =>
		runCommand('tools/ops/main.ts', ['coverage', ...args], { env: { ...environment(), ...env } })

	const OF_11 = ['--instance', '11', '--bucket', 'my-bucket']

	it('shows what is due, exports nothing, and ends with code 1', async () => {
		const { code, output, errors } = await coverage(OF_11)
		const rows = output.split('\n').map((line) => line.split(/ {2,}/))
		expect(rows.slice(0, 3)).toEqual([
			['instance', 'file', 'finished', 'size', 'state', 'where or why'],
			[
				'11',
				'20210528',
				'2021-05-27T17:10Z',
				'545.0 MiB',
				'due',
				expect.stringMatching(/^not in the folder/),
			],
			[
				'11',
				'20210529',
				'2021-05-28T17:10Z',
				'545.0 MiB',
				'due',
				expect.stringMatching(/^not in the folder/),
			],
		])
		expect(output).toContain('1 instance, 2 backups: 2 due.\nTo export what is due, add --export.')
		expect(output).not.toContain('\u001b')
		expect([code, errors]).toEqual([1, ''])
		expect(cloud.ncp?.performed).toEqual([])
	})

	it('--export exports what is due, and afterwards the code is 0', async () => {
		const exported = await coverage([...OF_11, '--export'])
		expect(exported.output).toContain('Sent 2 requests to the queue of the local cloud.')
		expect(exported.code).toBe(1)
		// Each is accepted and completed.
		const events = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 4)
		expect(events.filter(({ data }) => data.state === 'completed')).toHaveLength(2)
		expect(cloud.ncp?.performed.map(({ fileName, folderPath }) => folderPath + fileName).sort()).toEqual([
			'11/20210528',
			'11/20210529',
		])
		expect(await cloud.aws.readObject('my-bucket', '11/20210529')).toBe('backup 20210529 of 11')
		const { code, output } = await coverage(OF_11, { FORCE_COLOR: '1' })
		expect(output).toContain('\u001b[32mcovered\u001b[39m  11/20210529, 21 bytes')
		expect(code).toBe(0)
		// Nothing is due, so nothing is sent.
		expect((await coverage([...OF_11, '--export'])).output).toContain('Sent 0 requests')
		expect(cloud.ncp?.performed).toHaveLength(2)
	})

	it('--json prints the data of the coverage event of each instance', async () => {
		const { code, json } = await coverage([...OF_11, '--json'])
		expect(code).toBe(0)
		const [data] = json()
		expect(json()).toHaveLength(1)
		expect(v.parse(coverageEventSchema.entries.data, data)).toEqual(data)
		const result = await cloud.coverageFunction?.invoke({
			policy: { name: 'by-hand', instances: ['11'], bucketName: 'my-bucket' },
			instanceNo: '11',
		})
		await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		expect(result).toMatchObject({ ok: true, value: { data } })
	})

	it('checks the policies of a file, and shows an export that never arrived', async () => {
		const path = await write(
			'coverage.yml',
			'- name: all\n  bucketName: my-bucket\n- name: one\n  instances: ["12"]\n  bucketName: my-bucket\n',
		)
		expect((await coverage(['--policies', path, '--policy', 'one', '--export'])).code).toBe(1)
		const events = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 2)
		expect(events.map(({ data }) => data.state)).toEqual(['accepted', 'missing'])
		const { code, output, errors } = await coverage(['--policies', path])
		expect(output).toContain('Policy all: my-bucket, {instanceNo}/\n')
		expect(output).toContain('Policy one: my-bucket, {instanceNo}/\n')
		expect(output).toMatch(/^12 .* failing {2}export \S+ is missing: the object had not been found/m)
		// 14 is being deleted, and 13 has no backups.
		expect(output).toContain('4 instances, 4 backups: 2 covered, 2 failing.')
		expect([code, errors]).toEqual([1, ''])
		const one = await coverage(['--policies', path, '--policy', 'one', '--json'])
		expect(one.json()).toMatchObject([{ policy: 'one', instanceNo: '12', counts: { failing: 1 } }])
	})

	it('reports an instance that cannot be checked, and checks the others', async () => {
		isFailing = true
		const path = await write('all.yml', '- name: all\n  bucketName: my-bucket\n')
		const { code, errors, json } = await coverage(['--policies', path, '--json'])
		isFailing = false
		expect(json()).toMatchObject([{ instanceNo: '11' }, { instanceNo: '13' }])
		expect(errors).toMatch(/^Instance 12 \(policy all\) not checked: .+/)
		expect(code).toBe(1)
	})

	it('ends with code 1 when a copy has been removed', async () => {
		const { objectStorageUrl, objectStorageRegion } = cloud.connection
		const client = createObjectStorage({ objectStorageUrl, objectStorageRegion }, async () => LOCAL_KEYS)
		await client.send(new DeleteObjectCommand({ Bucket: 'my-bucket', Key: '11/20210528' }))
		client.destroy()
		const { code, output } = await coverage([...OF_11, '--export'])
		expect(output).toMatch(/^11 +20210528 .* gone +export \S+ is completed, but the object is not there/m)
		expect(output).toContain('Sent 0 requests')
		expect(code).toBe(1)
		expect(cloud.ncp?.performed.filter(({ fileName }) => fileName === '20210528')).toHaveLength(1)
	})

	it.each([
		[['--instance', '11', '--bucket', 'nope'], 'not checked: the bucket nope cannot be listed: NoSuchBucket'],
		[['--instance', '99', '--bucket', 'my-bucket'], 'NCP lists no running instance 99 in region KR.'],
		[['--instance', '14', '--bucket', 'my-bucket'], 'NCP lists no running instance 14 in region KR.'],
		[['--policies', 'no-such.yml'], 'no-such.yml cannot be read (ENOENT)'],
	])('%j ends with code 1', async (args, words) => {
		const { code, output, errors } = await coverage(args)
		expect(errors).toContain(words)
		expect(errors).not.toMatch(/^\s+at /m)
		expect([code, output]).toEqual([1, ''])
	})

	it('reports that NCP lists no instance at all', async () => {
		const path = await write('elsewhere.yml', '- name: sg\n  bucketName: my-bucket\n  regionCode: SGN\n')
		const { code, errors } = await coverage(['--policies', path])
		expect(errors).toBe('Policy sg: NCP lists no running instance in region SGN.\n')
		expect(code).toBe(1)
	})

	it('reports that the instances cannot be listed, without the key', async () => {
		const ncpKeys = { ...LOCAL_KEYS, secretKey: 'swordfish-swordfish' }
		await write('keys.json', JSON.stringify({ ...cloud.connection, ncpKeys }))
		const { code, errors } = await coverage(OF_11, environment('keys.json'))
		expect(errors).toMatch(/^Policy by-hand: the instances cannot be listed: .+/)
		expect(errors).not.toContain('swordfish')
		expect(code).toBe(1)
	})

	it.each([
		[['--instance', 'x', '--bucket', 'My'], '--instance must be 1 to 20 digits\n--bucket must be 3 to 63'],
		[['--instance', '11'], '--bucket is required'],
		[
			['--instance', '11', '--bucket', 'my-bucket', '--product', 'mongodb'],
			'--product must be postgresql or mysql: NCP does not document how to list the backup files of MongoDB',
		],
		[['--bucket', 'my-bucket'], 'need --instance'],
		[[...OF_11, '--policy', 'one'], 'cannot be combined'],
	])('%j is a mistake in the command', async (args, words) => {
		const { code, errors } = await coverage(args)
		expect(errors).toContain(words)
		expect(code).toBe(2)
	})

	it.each([
		[
			'- name: a\n  bucket: b\n- name: a\n  bucketName: my-bucket\n- 3\n',
			[
				'policy 1 (a): bucketName is required',
				'policy 1 (a): bucket is unknown; did you mean "bucketName"?',
				'policy 3: policy must be an object with the fields of a policy',
				'name "a" is given to more than one policy',
			],
		],
		['name: a\n', ['the file must hold a list of policies']],
		['- name: [\n', [expect.stringMatching(/^the file is not YAML: .* line 2/)]],
	])('refuses a file of policies with problems, all at once: %j', async (text, problems) => {
		const path = await write('wrong.yml', text)
		const { code, output, errors } = await coverage(['--policies', path])
		expect(errors.trim().split('\n')).toEqual([`Nothing was checked: ${path} has problems.`, ...problems])
		expect([code, output]).toEqual([1, ''])
	})

	it.each([
		['# nothing\n', [], 'holds no policy.'],
		['- name: a\n  bucketName: my-bucket\n', ['--policy', 'b'], 'has no policy b, but a.'],
	])('ends with code 1 when there is nothing to check in %j', async (text, args, words) => {
		const path = await write('empty.yml', text)
		const { code, errors } = await coverage(['--policies', path, ...args])
		expect(errors).toBe(`${path} ${words}\n`)
		expect(code).toBe(1)
	})

	it('takes a copy without the number of its instance for none where destinations are shared', async () => {
		await cloud.aws.putObject('my-bucket', 'shared/20210529', 'backup')
		const shared = { ...cloud.connection, sharedDestinations: 'allow' }
		await write('shared.json', JSON.stringify(shared))
		const args = [...OF_11, '--folder', 'shared/', '--json']
		const counts = async (name: string) => (await coverage(args, environment(name))).json()
		expect(await counts('cloud.json')).toMatchObject([{ counts: { covered: 1, due: 1 } }])
		expect(await counts('shared.json')).toMatchObject([{ counts: { covered: 0, due: 2 } }])
	})

	it('has dead letters of its own: a check is sent back, and what is no check is rejected', async () => {
		const ops = (...args: string[]) =>
			runCommand('tools/ops/main.ts', ['dead-letters', ...args, '--queue', 'coverage'], {
				env: environment(),
			})
		const policy = { name: 'nightly', bucketName: 'my-bucket' }
		for (const body of [{ policy, instanceNo: '13' }, { policy: { name: 'nightly' } }])
			await cloud.aws.sqs.send(
				new SendMessageCommand({
					QueueUrl: cloud.coverageDeadLetterQueue.url,
					MessageBody: JSON.stringify(body),
				}),
			)
		expect((await ops('list', '--json')).json()).toMatchObject([
			{ code: 'CHECK_NOT_MADE', rejected: false },
			{ code: 'POLICY_INVALID', reason: 'the policy is invalid: bucketName is required', rejected: true },
		])
		expect((await ops('redrive', '--all', '--dry-run')).output).toContain('to the coverage queue')
		expect(await ops('redrive', '--all')).toMatchObject({ code: 0 })
		const [event] = await takeOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, 1)
		expect(event).toMatchObject({
			type: 'ncp.backup.coverage.v1',
			data: { instanceNo: '13', state: 'covered' },
		})
		expect(await ops('discard', '--rejected')).toMatchObject({ code: 0 })
		expect((await ops('list')).output).toContain('There are no dead letters')
	})

	it('is shown by ops watch, as a row and as JSON', async () => {
		for (const [args, pattern] of [
			[[], /^ +\d\.\d s +coverage +behind +12 my-bucket\/12\/ +1 backup: 1 failing \(policy nightly\)$/],
			[['--json'], /^\{.*"type":"ncp\.backup\.coverage\.v1"/],
		] as const) {
			const watch = startCommand('tools/ops/main.ts', ['watch', '--count', '1', ...args], environment())
			await watch.line(/[Ll]istening/)
			await cloud.coverageFunction?.invoke({
				policy: { name: 'nightly', instances: ['12'], bucketName: 'my-bucket' },
				instanceNo: '12',
			})
			expect(await watch.exit).toBe(0)
			expect(watch.lines.at(-1)).toMatch(pattern)
		}
	})
})

it.each([
	['checks five instances at a time', 5, 'Interrupted: 1 of 12 instances checked.\n'],
	['lists the instances first', 1, 'Interrupted before any instance was checked.\n'],
])('ops coverage %s, and ends at once on Ctrl-C', async (_name, calls, words) => {
	const numbers = Array.from({ length: 12 }, (_, index) => `${20 + index}`)
	const { promise: areHanging, resolve } = Promise.withResolvers<void>()
	let hanging = 0
	const cloud = await startCloud({
		arrivalDeadlineMinutes: 1,
		simulator: {
			instances: new Map(numbers.map((number) => [number, { regionCode: 'KR', backups: new Set<string>() }])),
			listFault: ({ instanceNo }) => {
				if (instanceNo === '20' || (instanceNo === undefined && calls > 1)) return undefined
				if (++hanging === calls) resolve()
				return 'hang'
			},
		},
	})
	await write('hanging.json', JSON.stringify(cloud.connection))
	const path = await write('all.yml', '- name: all\n  bucketName: my-bucket\n')
	const { child, exit, errors } = startCommand(
		'tools/ops/main.ts',
		['coverage', '--policies', path],
		environment('hanging.json'),
	)
	await areHanging
	child.kill('SIGINT')
	expect(await exit).toBe(130)
	expect(errors()).toBe(words)
	expect(hanging).toBe(calls)
	await cloud.stop()
})

describe('the local cloud', () => {
	it('delivers the checks of a sweep, and the exports that they ask for', async () => {
		const cloud = await startCloud({ arrivalDeadlineMinutes: 1, isQueueIdle: true })
		const policy = { name: 'nightly', bucketName: 'my-bucket', exclude: ['1234926', '1234927', '1234928'] }
		expect(await cloud.coverageFunction?.invoke({ policy })).toMatchObject({
			value: { instanceNos: ['1234925'] },
		})
		expect(await cloud.pollOnce('coverage')).toBe(1)
		expect(await cloud.pollOnce('coverage', 0)).toBe(0)
		expect(cloud.ncp?.performed).toEqual([])
		while ((await cloud.pollOnce('requests', 0)) > 0);
		expect(cloud.ncp?.performed.map(({ folderPath }) => folderPath)).toEqual(Array(3).fill('1234925/'))
		await cloud.stop()
	})

	it('has no coverage function while arrival checks are off', async () => {
		const cloud = await startCloud({ isQueueIdle: true })
		expect(cloud.coverageFunction).toBeNull()
		await cloud.stop()
	})
})

describe('npm start', () => {
	const start = (args: string[]) => startCommand('tools/local/start.ts', args, environment('start.json'))

	it('sweeps, exports what is due, and shows a sweep that differs', async () => {
		const { child, line, lines, exit } = start([])
		// The last backup runs for some seconds yet.
		expect(await line(/^Coverage:/)).toMatch(/^Coverage: 5 instances, 9 backups: (8 due, 1 running|9 due)$/)
		await line(/^ {2}due 1234925\/20210528, /)
		await line(/completed +1234925 my-bucket\/1234925\/20210530/)
		// By then a backup has ended that was running.
		await line(/^Coverage: 5 instances, .* covered/)
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		// Only a whole sweep is shown.
		expect(lines.filter((each) => /\bcoverage +(covered|behind)\b/.test(each))).toEqual([])
	}, 60_000)

	it('--no-coverage sweeps nothing', async () => {
		const { child, line, lines, exit } = start(['--no-coverage'])
		await line(/^#/)
		const { code, output } = await runCommand(
			'tools/ops/main.ts',
			['coverage', '--instance', '1234926', '--bucket', 'my-bucket'],
			{ env: environment('start.json') },
		)
		expect(output).toContain('1 instance, 1 backup: 1 due.')
		expect(code).toBe(1)
		child.kill('SIGINT')
		expect(await exit).toBe(0)
		expect(lines.join('\n')).not.toMatch(/^Coverage|is swept/m)
	})
})

it('npm run demo ends with the backups that no request named', async () => {
	const { code, output, errors } = await runCommand('tools/local/demo.ts', [])
	expect(output).toContain('All 11 requests ended in the expected state.')
	expect(output).toContain(
		'Coverage: 5 instances, 8 backups: 5 covered, 2 due, 1 failing\n' +
			'  due 1234929/20210601, 1234929/20210602; failing 1234928/20210601\n',
	)
	expect(output).toContain('Coverage: 5 instances, 8 backups: 7 covered, 1 failing\n')
	expect(output).toContain('Every backup is in the bucket, except 1234928/20210601: NCP accepted it,')
	expect(output).toContain('performed 8 exports.')
	expect([code, errors]).toEqual([0, ''])
})
