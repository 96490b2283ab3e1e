import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import { close, listen } from '../../tools/local/listen.ts'
import { runCommand } from './command.ts'

const PROD = ['--stage', 'prod', '--region', 'eu-west-1']

/** CloudFormation's answers by action. `npm run rehearse` rolls a deployed stack back; this is what goes wrong before that. */
async function rollBack(answers: Readonly<Record<string, [status: number, body: string]>>) {
	const server = createServer(async (request, response) => {
		const action = /Action=(\w+)/.exec(String(await request.toArray()))?.[1] ?? ''
		const [status, body] = answers[action] ?? [200, '']
		response.writeHead(status, { 'content-type': 'text/xml' }).end(body)
	})
	const env = {
		AWS_ENDPOINT_URL: await listen(server),
		AWS_ACCESS_KEY_ID: 'a',
		AWS_SECRET_ACCESS_KEY: 'b',
	}
	const result = await runCommand('tools/rollback.ts', PROD, { env })
	await close(server)
	return result
}

const MISSING =
	'<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>'

it('names a stage that is not deployed', async () => {
	const answer: [number, string] = [400, MISSING]
	const { code, errors } = await rollBack({ GetTemplate: answer, DescribeStacks: answer })
	expect(errors).toContain('the stack ncp-backup-exporter-prod failed: ValidationError: Stack does not exist')
	expect(code).toBe(1)
})

it('does not roll back a stack that osls did not deploy', async () => {
	const template = '<R><GetTemplateResult><TemplateBody>{}</TemplateBody></GetTemplateResult></R>'
	const stacks = '<R><DescribeStacksResult><Stacks/></DescribeStacksResult></R>'
	const { code, errors } = await rollBack({ GetTemplate: [200, template], DescribeStacks: [200, stacks] })
	expect(errors).toContain('names no deployment: was it deployed by osls?')
	expect(code).toBe(1)
})
