import { createServer, type IncomingMessage } from 'node:http'
import { close, listen, readAll } from '../tools/local/listen.ts'

interface Answer {
	status?: number
	type: string
	headers?: Record<string, string>
	body: string
}

export interface AwsApis {
	url: string
	/** Credentials, and this server as the endpoint of CloudFormation, CloudWatch, Lambda and STS. */
	env: Record<string, string>
	/** Outputs of the stack ncp-backup-exporter-prod, by name. No other stack exists. */
	outputs: Record<string, string>
	mappings: object[]
	alarms: object[]
	accountLimit: object
	/** While it is set, every call of every service is refused with this error code. */
	failure: string | null
	stop: () => Promise<void>
}

/** The operations of AWS that `doctor` calls beside those of embedded services, in each service's protocol. */
export async function startAwsApis(): Promise<AwsApis> {
	const server = createServer(async (request, response) => {
		const body = (await readAll(request, 64 * 1024)).toString('utf8')
		const { status = 200, type, headers = {}, body: text } = answer(request, body, apis)
		response.writeHead(status, { 'content-type': type, ...headers }).end(text)
	})
	const url = await listen(server)
	const apis: AwsApis = {
		url,
		env: {
			AWS_ACCESS_KEY_ID: 'operator',
			AWS_SECRET_ACCESS_KEY: 'operator-secret',
			...Object.fromEntries(
				['CLOUDFORMATION', 'CLOUDWATCH', 'LAMBDA', 'STS'].map((name) => [`AWS_ENDPOINT_URL_${name}`, url]),
			),
		},
		outputs: {},
		mappings: [],
		alarms: [],
		accountLimit: {},
		failure: null,
		stop: () => close(server),
	}
	return apis
}

function answer(request: IncomingMessage, body: string, apis: AwsApis): Answer {
	const target = request.headers['x-amz-target']
	const action = new URLSearchParams(body).get('Action')
	if (apis.failure !== null) return refuse(apis.failure, target !== undefined, action !== null)
	if (action === 'GetCallerIdentity') return xml(CALLER)
	if (action === 'DescribeStacks') return describeStacks(new URLSearchParams(body).get('StackName'), apis)
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
	if (target === 'GraniteServiceVersion20100801.DescribeAlarms')
		return json({ MetricAlarms: apis.alarms.filter(startsWith(JSON.parse(body).AlarmNamePrefix)) })
	const { pathname, searchParams } = new URL(request.url ?? '', 'http://aws')
	// https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
	if (pathname.startsWith('/2016-08-19/account-settings')) return json({ AccountLimit: apis.accountLimit })
	// https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
	if (pathname.startsWith('/2015-03-31/event-source-mappings')) {
		const name = searchParams.get('FunctionName')
		const isOf = ({ FunctionArn = '' }: { FunctionArn?: string }) => FunctionArn.endsWith(`:${name}`)
		return json({ EventSourceMappings: apis.mappings.filter(isOf) })
	}
	return refuse('InvalidAction', target !== undefined, action !== null)
}

const startsWith =
	(prefix: string) =>
	({ AlarmName = '' }: { AlarmName?: string }): boolean =>
		AlarmName.startsWith(prefix)

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html */
function describeStacks(name: string | null, { outputs }: AwsApis): Answer {
	if (name !== 'ncp-backup-exporter-prod') return refuse('ValidationError', false, true)
	const members = Object.entries(outputs).map(
		([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
	)
	return xml(
		`<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>s</StackName><CreationTime>2026-11-23T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
	)
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
const CALLER =
	'<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/operator</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>'

/** An error in the protocol of the service: JSON with a target, a query that is answered in XML, or REST. */
function refuse(code: string, isJson: boolean, isQuery: boolean): Answer {
	if (isQuery)
		return {
			...xml(
				`<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
			),
			status: code === 'ValidationError' ? 400 : 403,
		}
	return {
		...json(isJson ? { __type: code, message: 'no' } : { message: 'no' }),
		status: 403,
		headers: { 'x-amzn-errortype': code },
	}
}

const xml = (body: string): Answer => ({ type: 'text/xml', body })
const json = (value: unknown): Answer => ({ type: 'application/x-amz-json-1.1', body: JSON.stringify(value) })

/** Outputs of the stack that stand for a local cloud: the names of the connection begin with a small letter. */
export function toOutputs(connection: object): Record<string, string> {
	return Object.fromEntries(
		Object.entries(connection)
			.filter(([, value]) => typeof value === 'string')
			.map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]),
	)
}
