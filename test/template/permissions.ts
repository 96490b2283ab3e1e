import type { Resource } from './packaged.ts'

export interface Row {
	fn: string
	action: string
	on: string
	code: string
	file: string
}

const EVERY = ['on-queue-message', 'on-http-request', 'on-pipeline-event', 'on-arrival-check']

/** The rows of docs/permissions.md, one per function. */
export function readRows(text: string): Row[] {
	const rows = text.matchAll(/^\| (\S+) \| `(\w+:\w+)` \| (.+?) \| `(.+?)` in `(.+?)` \|$/gm)
	return [...rows].flatMap(([, fn = '', action = '', on = '', code = '', file = '']) =>
		(fn === 'every' ? EVERY : [fn]).map((each) => ({ fn: each, action, on, code, file })),
	)
}

export function readWildcards(text: string): string[] {
	const rows = text.matchAll(/^\| (AWS::\S+) \| (\w+) \| `(.+?)` \| .+ \|$/gm)
	return [...rows].map(([, type, part, wildcard]) => `${type} ${part} ${wildcard}`)
}

/** `{function} {action} {resource}` for each permission that a role grants: a function's, or that of the schedules. */
export function listPermissions(resources: Record<string, Resource>): string[] {
	const functions = Object.values(resources).filter(({ Type }) => Type === 'AWS::Lambda::Function')
	const names = new Map(
		functions.map(({ Properties: { Handler, Role } }) => [Role['Fn::GetAtt'][0], nameOf(Handler)]),
	)
	return Object.entries(resources)
		.filter(([, { Type }]) => Type === 'AWS::IAM::Role')
		.flatMap(([id, { Properties }]) =>
			statementsOf(Properties).flatMap(({ Action, Resource }) =>
				[Action].flat().map((action) => `${names.get(id) ?? id} ${action} ${toWords(Resource)}`),
			),
		)
}

function nameOf(handler: string): string {
	return handler.replace(/^dist\/functions\/|\.handler$/g, '')
}

interface Statement {
	Action: string | string[]
	Resource: unknown
	Principal?: unknown
}

function statementsOf(properties: Resource['Properties']): Statement[] {
	const { Policies = [], PolicyDocument, KeyPolicy } = properties
	const documents = [
		...Policies.map((policy: Resource['Properties']) => policy.PolicyDocument),
		PolicyDocument,
		KeyPolicy,
	]
	return documents.flatMap((document) => document?.Statement ?? [])
}

/** A resource as docs/permissions.md names it. */
function toWords(resource: unknown): string {
	const text = JSON.stringify(resource)
	if (text.includes(':secret:')) return 'secret'
	if (text.includes('LogGroup')) return 'own log group'
	const index = /\$\{(\w+)\.Arn\}\/index\/(\w+)/.exec(text)
	if (index !== null) return `${index[1]} index ${index[2]}`
	const fn = /"(On\w+)LambdaFunction"/.exec(text)?.[1]
	if (fn !== undefined) return fn.replaceAll('Dash', '-').replace('On', 'on')
	return /"Ref":"(\w+)"|"Fn::GetAtt":\["(\w+)","Arn"\]/.exec(text)?.slice(1).find(Boolean) ?? String(resource)
}

/** Every wildcard in an action, a resource or a principal of any policy. */
export function listWildcards(resources: Record<string, Resource>): string[] {
	const found = Object.values(resources).flatMap(({ Type, Properties = {} }) =>
		statementsOf(Properties).flatMap(({ Action, Resource, Principal }) =>
			Object.entries({ Action, Resource, Principal }).flatMap(([part, value]) =>
				textsIn(value)
					.filter((text) => /[*?]/.test(text))
					.map((text) => `${Type} ${part} ${text.replace(/^.*(?=secret:)/, '')}`),
			),
		),
	)
	return [...new Set(found)]
}

function textsIn(value: unknown): string[] {
	if (typeof value === 'string') return [value]
	return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
