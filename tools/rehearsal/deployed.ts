import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
	CloudFormationClient,
	DescribeStacksCommand,
	GetTemplateCommand,
} from '@aws-sdk/client-cloudformation'
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { FunctionName } from '../../lib/wiring/config.ts'
import { createFunction, type LocalFunction } from '../local/function-process.ts'
import { oslsId } from '../template/cloudformation.ts'

/** How the rehearsal reaches AWS. */
export interface Access {
	region: string
	endpoint: string
	credentials: { accessKeyId: string; secretAccessKey: string }
}

/** What makes the AWS SDK of another process use this access. */
export function toEnvironment({ endpoint, credentials }: Access) {
	return {
		AWS_ENDPOINT_URL: endpoint,
		AWS_ACCESS_KEY_ID: credentials.accessKeyId,
		AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
	}
}

export interface DeployedStack {
	outputs: Record<string, string>
	/** The key of each function's zip in the bucket that osls deploys from, by logical id. */
	zipKeys: Record<string, string>
}

export async function readStack(stack: string, access: Access): Promise<DeployedStack> {
	const client = new CloudFormationClient(access)
	const [{ Stacks = [] }, { TemplateBody = '' }] = await Promise.all([
		client.send(new DescribeStacksCommand({ StackName: stack })),
		client.send(new GetTemplateCommand({ StackName: stack })),
	])
	client.destroy()
	const outputs = Stacks[0]?.Outputs ?? []
	const resources = JSON.parse(TemplateBody).Resources as Record<string, TemplateResource>
	return {
		outputs: Object.fromEntries(
			outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
		),
		zipKeys: Object.fromEntries(
			Object.entries(resources).flatMap(([id, { Properties }]) =>
				Properties?.Code === undefined ? [] : [[id, Properties.Code.S3Key]],
			),
		),
	}
}

interface TemplateResource {
	Properties?: { Code?: { S3Key: string } }
}

/** The environment variables of a deployed function. */
export async function readEnvironment(
	functionName: string,
	access: Access,
): Promise<Record<string, string | undefined>> {
	const client = new LambdaClient(access)
	const { Environment } = await client.send(
		new GetFunctionConfigurationCommand({ FunctionName: functionName }),
	)
	client.destroy()
	return Environment?.Variables ?? {}
}

/** The zip of a function as osls uploaded it, taken apart into `folder`. Resolves with the path of the bundle. */
export async function fetchBundle(
	name: FunctionName,
	{ outputs, zipKeys }: DeployedStack,
	folder: string,
	access: Access,
): Promise<string> {
	const s3 = new S3Client({ ...access, forcePathStyle: true })
	const { Body } = await s3.send(
		new GetObjectCommand({
			Bucket: outputs.ServerlessDeploymentBucketName,
			Key: zipKeys[oslsId(name, 'LambdaFunction')],
		}),
	)
	const zip = join(folder, `${name}.zip`)
	await writeFile(zip, (await Body?.transformToByteArray()) ?? '')
	s3.destroy()
	await promisify(execFile)('python3', ['-m', 'zipfile', '-e', zip, folder])
	return join(folder, `dist/functions/${name}.cjs`)
}

/** A deployed function in a process of this machine, with its deployed environment and these changes to it. */
export function runDeployed(
	name: FunctionName,
	bundle: string,
	env: Readonly<Record<string, string>>,
	onLine: (line: string) => void,
): LocalFunction {
	return createFunction({ name, bundle, env, timeoutMs: 20_000, concurrency: 1, onLine })
}
