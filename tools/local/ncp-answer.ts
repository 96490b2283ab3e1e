import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'

/** A response before it is written as XML or JSON. In XML, an array becomes one element for each member. */
export interface Answer {
	httpStatus: number
	root: string
	fields: Readonly<Record<string, unknown>>
}

/** The words that NCP writes in every response of an action that was done. */
export const DONE = { returnCode: '0', returnMessage: 'success' } as const

export const gatewayError = (
	httpStatus: number,
	errorCode: string,
	message: string,
	details = '',
): Answer => ({
	httpStatus,
	root: 'error',
	fields: { errorCode, message, details },
})

export const badRequest = (details: string): Answer =>
	gatewayError(400, '100', 'Bad Request Exception', details)

export const apiError = (httpStatus: number, returnCode: string, returnMessage: string): Answer => ({
	httpStatus,
	root: 'responseError',
	fields: { returnCode, returnMessage },
})

export function send(response: ServerResponse, answer: Answer, isJson: boolean): void {
	response.writeHead(answer.httpStatus, toHeaders(isJson)).end(toBody(answer, isJson))
}

/** Sends half of the body, and closes the connection. */
export function sendHalf(response: ServerResponse, answer: Answer, isJson: boolean): void {
	const body = toBody(answer, isJson)
	response.writeHead(answer.httpStatus, {
		...toHeaders(isJson),
		'content-length': Buffer.byteLength(body),
	})
	response.write(body.slice(0, body.length / 2), () => response.destroy())
}

const toHeaders = (isJson: boolean): Record<string, string> => ({
	'content-type': `application/${isJson ? 'json' : 'xml'};charset=UTF-8`,
	'x-ncp-trace-id': randomUUID().replaceAll('-', ''),
})

/** The text that is sent. */
export function toBody({ root, fields }: Answer, isJson: boolean): string {
	const all = root.endsWith('Response') ? { requestId: randomUUID(), ...fields } : fields
	return isJson
		? JSON.stringify({ [root]: all })
		: `<?xml version="1.0" encoding="UTF-8"?>\n${toElement(root, all)}`
}

function toElement(name: string, value: unknown): string {
	if (value === undefined) return ''
	if (Array.isArray(value)) return value.map((each) => toElement(name, each)).join('')
	const content =
		typeof value === 'object' && value !== null
			? Object.entries(value)
					.map(([child, inner]) => toElement(child, inner))
					.join('')
			: escapeXml(String(value ?? ''))
	return `<${name}>${content}</${name}>`
}

function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
