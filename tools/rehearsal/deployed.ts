import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
	CloudFormationClient,
	DescribeStacksCommand,
	GetTemplateCommand,
} from '@aws-sdk/client-cloudformation'
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

/** The outputs of a stack, by name. */
export async function readOutputs(stack: string, access: Access): Promise<Record<string, string>> {
	const client = new CloudFormationClient(access)
	const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }))
	client.destroy()
	const outputs = Stacks[0]?.Outputs ?? []
	return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
}

interface DeployedFunction {
	Code: { S3Bucket: string | { Ref: string }; S3Key: string }
}

/** The zip of a function as osls uploaded it, taken apart into `folder`. Resolves with the path of the bundle. */
export async function fetchBundle(
	name: FunctionName,
	stack: string,
	folder: string,
	access: Access,
): Promise<string> {
	const cloudFormation = new CloudFormationClient(access)
	const { TemplateBody = '' } = await cloudFormation.send(new GetTemplateCommand({ StackName: stack }))
	const { ServerlessDeploymentBucketName = '' } = await readOutputs(stack, access)
	cloudFormation.destroy()
	const resource = JSON.parse(TemplateBody).Resources[oslsId(name, 'LambdaFunction')]
	const { S3Key } = (resource.Properties as DeployedFunction).Code
	const s3 = new S3Client({ ...access, forcePathStyle: true })
	const { Body } = await s3.send(new GetObjectCommand({ Bucket: ServerlessDeploymentBucketName, Key: S3Key }))
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
