import { createServer } from 'node:http'
import { close, listen, readAll } from '../tools/local/listen.ts'

/** One call of an AWS client on its way to a service. */
export interface GateCall {
	/** Such as `PutItem`, `PublishBatch`, `SendMessage`, or `ListObjects` for any GET; `PutDestination` for that PutItem. */
	operation: string
	body: string
}

/** Thrown by an interceptor: this answer is given in place of the service's own. */
export class Answer extends Error {
	readonly status: number
	readonly body: string

	constructor(status: number, body: string) {
		super('an answer of the gate')
		this.status = status
		this.body = body
	}
}

/** What AWS answers to a call for which the permission is missing. */
export function denial({ operation }: GateCall): Answer {
	const message = `User: arn:aws:sts::1:assumed-role/r is not authorized to perform: ${operation}`
	if (operation === 'ListObjects')
		return new Answer(403, '<Error><Code>AccessDenied</Code><Message>no</Message></Error>')
	if (operation !== 'PublishBatch')
		return new Answer(400, JSON.stringify({ __type: 'com.amazonaws#AccessDeniedException', message }))
	const error = `<Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>${message}</Message></Error>`
	return new Answer(403, `<ErrorResponse>${error}<RequestId>r-1</RequestId></ErrorResponse>`)
}

/** Called before the service receives a call and after it has executed it; throwing closes the connection at that point. */
export type Intercept = (call: GateCall, phase: 'before' | 'after') => Promise<void> | void

export interface Gate {
	url: string
	stop: () => Promise<void>
}

/** A gate in front of each service of the local cloud. */
export function gateWith(intercept: Intercept): (serviceUrl: string) => Promise<Gate> {
	return (serviceUrl) => startGate(serviceUrl, intercept)
}

/** A reverse proxy that can stop a call just before or just after it takes effect. */
export async function startGate(target: string, intercept: Intercept): Promise<Gate> {
	const server = createServer(async (request, response) => {
		try {
			const body = await readAll(request, 10 * 1024 * 1024)
			const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers
			const { method = 'POST' } = request
			const operation = method === 'GET' ? 'ListObjects' : operationOf(headers['x-amz-target'], body)
			const call = { operation, body: body.toString('utf8') }
			await intercept(call, 'before')
			const answer = await fetch(target + request.url, {
				method,
				headers: headers as Record<string, string>,
				...(method === 'GET' ? {} : { body }),
			})
			const bytes = Buffer.from(await answer.arrayBuffer())
			await intercept(call, 'after')
			response
				.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
				.end(bytes)
		} catch (error) {
			if (error instanceof Answer) response.writeHead(error.status).end(error.body)
			// An interceptor that throws anything else simulates a lost answer.
			else response.destroy()
		}
	})
	const url = await listen(server)
	return {
		url,
		stop: () => close(server),
	}
}

/** JSON services name the operation in a header, SNS in its form. */
function operationOf(target: string | string[] | undefined, body: Buffer): string {
	const name = [target].flat()[0]?.split('.').at(-1)
	if (name === 'PutItem' && body.includes('"destination#')) return 'PutDestination'
	return name ?? new URLSearchParams(body.toString('utf8')).get('Action') ?? ''
}
