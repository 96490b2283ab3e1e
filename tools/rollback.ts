import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { DescribeStacksCommand, GetTemplateCommand } from '@aws-sdk/client-cloudformation'
import { paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { createClients } from './ops/clients.ts'
import { OpsError, toMessage } from './ops/ops-error.ts'
import { SERVICE } from './ops/target.ts'
import { createProgram, runCommand } from './terminal/command-line.ts'

const program = createProgram('npm run rollback --')
	.addHelpText(
		'before',
		`npm run rollback puts the deployment before the present one back in place: code, settings and
template. It uses your own AWS credentials. Queues, topic and table keep what they hold.
Run it again to go one further back; osls keeps the last five deployments.
`,
	)
	.requiredOption('--stage <name>', 'the deployed stage')
	.option(
		'--region <name>',
		'AWS region of the stage (default: AWS_REGION, else ap-northeast-2)',
		process.env.AWS_REGION ?? 'ap-northeast-2',
	)
	.helpOption('-h, --help', 'print this text')

await runCommand(async () => {
	const { stage, region } = program.parse().opts<{ stage: string; region: string }>()
	const { present, before } = await findDeployments(stage, region)
	if (before === undefined)
		throw new OpsError(`There is no deployment before that of ${toTime(present)}: nothing to roll back to.`)
	console.log(`In place is the deployment of ${toTime(present)}. Going back to that of ${toTime(before)} …`)
	return rollBack(before, stage, region)
}, toMessage)

interface Deployments {
	/** Milliseconds since the epoch, as osls names its folders. */
	present: number
	before: number | undefined
}

/** A deployment that failed has left its files, too: what is in place is what the stack's template names. */
async function findDeployments(stage: string, region: string): Promise<Deployments> {
	const { cloudFormation } = createClients({ region })
	const StackName = `${SERVICE}-${stage}`
	const [{ TemplateBody = '' }, { Stacks = [] }] = await Promise.all([
		cloudFormation.send(new GetTemplateCommand({ StackName })),
		cloudFormation.send(new DescribeStacksCommand({ StackName })),
	])
	const folders = `serverless/${SERVICE}/${stage}/`
	const present = Number(new RegExp(`${folders}(\\d+)-`).exec(TemplateBody)?.[1])
	const bucket = Stacks[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'ServerlessDeploymentBucketName')
	if (Number.isNaN(present) || bucket?.OutputValue === undefined)
		throw new OpsError(`The stack ${StackName} in ${region} names no deployment: was it deployed by osls?`)
	const times: number[] = []
	const s3 = new S3Client({ region, forcePathStyle: true })
	for await (const { Contents = [] } of paginateListObjectsV2(
		{ client: s3 },
		{ Bucket: bucket.OutputValue, Prefix: folders },
	)) {
		for (const { Key = '' } of Contents)
			if (Key.endsWith('/compiled-cloudformation-template.json'))
				times.push(Number.parseInt(Key.slice(folders.length), 10))
	}
	return { present, before: times.filter((time) => time < present).sort((a, b) => b - a)[0] }
}

function rollBack(before: number, stage: string, region: string): Promise<number> {
	const osls = createRequire(import.meta.url).resolve('osls/bin/serverless.js')
	const args = [osls, 'rollback', '--stage', stage, '--region', region, '--timestamp', String(before)]
	const cwd = fileURLToPath(new URL('..', import.meta.url))
	const { promise, resolve, reject } = Promise.withResolvers<number>()
	const child = spawn(process.execPath, args, { cwd, stdio: 'inherit' })
	child.once('error', reject)
	child.once('exit', (code) => resolve(code === 0 ? 0 : 1))
	return promise
}

function toTime(ms: number): string {
	return new Date(ms).toISOString()
}
