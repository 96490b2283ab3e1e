import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FunctionName, readConfig } from '../lib/config.ts'

interface Resource {
	Type: string
	Properties: Record<string, never>
}

const root = new URL('..', import.meta.url).pathname
let folder: string
let resources: Record<string, Resource>

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'package-'))
	const osls = createRequire(import.meta.url).resolve('osls/bin/serverless.js')
	await promisify(execFile)(process.execPath, [osls, 'package', '--package', folder], { cwd: root })
	const template = JSON.parse(
		await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8'),
	)
	resources = template.Resources
})
afterAll(() => rm(folder, { recursive: true }))

const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type)
// biome-ignore lint/suspicious/noExplicitAny: the template is CloudFormation's shape, read where it is asserted
const propertiesOf = (type: string): any[] => ofType(type).map(({ Properties }) => Properties)

describe('the deployed template', () => {
	it('has the four functions on Node.js 24 and arm64', () => {
		expect(
			propertiesOf('AWS::Lambda::Function').map(({ Handler, Runtime, Architectures }) => ({
				Handler,
				Runtime,
				Architectures,
			})),
		).toEqual(
			['on-queue-message', 'on-http-request', 'on-pipeline-event', 'on-arrival-check'].map((name) => ({
				Handler: `dist/functions/${name}.handler`,
				Runtime: 'nodejs24.x',
				Architectures: ['arm64'],
			})),
		)
	})

	it('exports every handler it names from the file in the zip', async () => {
		for (const { Handler } of propertiesOf('AWS::Lambda::Function')) {
			const [path, name] = Handler.split('.')
			const code = await readFile(join(root, `${path}.cjs`), 'utf8')
			expect(code).toMatch(new RegExp(`\\b${name}:\\(\\)=>`))
			const zip = await readFile(join(folder, `${path.split('/').at(-1)}.zip`))
			expect(zip.includes(`${path}.cjs`)).toBe(true)
		}
	})

	it('sets everything that each function needs to start', () => {
		// What Lambda sets itself.
		const platform = { AWS_REGION: 'r', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' }
		for (const { Handler, Environment } of propertiesOf('AWS::Lambda::Function')) {
			const name = Handler.replace(/^dist\/functions\/|\.handler$/g, '') as FunctionName
			const variables = Object.entries(Environment.Variables as Record<string, unknown>)
			const env = Object.fromEntries(
				variables.map(([key, value]) => [key, typeof value === 'object' ? 'reference' : String(value)]),
			)
			expect(() => readConfig({ ...platform, ...env }, name)).not.toThrow()
			for (const [key] of variables.filter(([, value]) => typeof value === 'object')) {
				const { [key]: _left, ...without } = env
				expect(() => readConfig({ ...platform, ...without }, name)).toThrow(`${key} is not set`)
			}
		}
	})

	it('tells the code the queue’s own redrive setting, and the table’s own TTL attribute', () => {
		const queue = resources.RequestQueue?.Properties as unknown as {
			RedrivePolicy: { maxReceiveCount: number }
		}
		const [onMessage] = propertiesOf('AWS::Lambda::Function')
		expect(Number(onMessage.Environment.Variables.MAX_RECEIVE_COUNT)).toBe(
			queue.RedrivePolicy.maxReceiveCount,
		)
		expect(propertiesOf('AWS::DynamoDB::Table')).toMatchObject([
			{
				KeySchema: [{ AttributeName: 'exportKey' }],
				TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
			},
		])
	})

	it('sets no environment variable that nobody reads', async () => {
		const source = await readFile(join(root, 'lib/config.ts'), 'utf8')
		for (const { Environment } of propertiesOf('AWS::Lambda::Function')) {
			for (const name of Object.keys(Environment.Variables)) {
				// Powertools reads the level itself.
				if (name !== 'LOG_LEVEL') expect(source).toContain(`'${name}'`)
			}
		}
	})

	it('hides a message for at least six time-outs, and receives it at least five times', () => {
		const timeouts = propertiesOf('AWS::Lambda::Function').map(({ Timeout }) => Timeout)
		for (const name of ['RequestQueue', 'ArrivalQueue']) {
			const queue = resources[name]?.Properties as unknown as {
				VisibilityTimeout: number
				RedrivePolicy: { maxReceiveCount: number }
			}
			expect(queue.VisibilityTimeout).toBeGreaterThanOrEqual(6 * Math.max(...timeouts))
			expect(queue.RedrivePolicy.maxReceiveCount).toBeGreaterThanOrEqual(5)
		}
	})

	it('reports the failures of a batch one by one', () => {
		expect(propertiesOf('AWS::Lambda::EventSourceMapping')).toMatchObject(
			Array(2).fill({ FunctionResponseTypes: ['ReportBatchItemFailures'] }),
		)
	})

	it('gives each function a role of its own, without a wildcard among its actions', () => {
		const roles = propertiesOf('AWS::Lambda::Function').map(({ Role }) => Role['Fn::GetAtt'][0])
		expect(new Set(roles).size).toBe(4)
		for (const role of roles) {
			// biome-ignore lint/suspicious/noExplicitAny: as above
			for (const { PolicyDocument } of (resources[role] as any).Properties.Policies) {
				for (const { Action, Resource } of PolicyDocument.Statement) {
					expect([Action].flat().join()).not.toContain('*')
					expect(JSON.stringify(Resource)).not.toBe('"*"')
				}
			}
		}
	})
})
