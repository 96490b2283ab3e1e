import { cut, ExportError, toReason } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import { parseXml } from '../formats/xml.ts'
import type { RawReply } from '../http-client/send-once.ts'
import type { Envelope, Reply } from '../reply.ts'
import { classifyCode } from './return-codes.ts'

/** How much of NCP's own text goes into an outcome, in characters. A reply may be 1 MiB long. */
const MAX_TEXT = 500

/** Reads bytes into a Reply. Total: never throws, whatever the body. Source of the envelopes: NCP API guide, "error response". */
export function readReply(raw: RawReply): Reply {
	return readDocument(raw).reply
}

/** The Reply, and the fields that stand beside its code: every number as the text that was sent. Total. */
export function readDocument({ httpStatus, headers, body }: RawReply): { reply: Reply; fields: Fields } {
	const { envelope, fields } = findEnvelope(parseDocument(body))
	const code = textOf(fields, envelope === 'gateway' ? 'errorCode' : 'returnCode')
	const message = textOf(fields, envelope === 'gateway' ? 'message' : 'returnMessage')
	const read = code === null ? 'none' : envelope
	const { kind, firstWaitSeconds = null } = classifyCode(read, code, httpStatus)
	const reply: Reply = {
		kind,
		envelope: read,
		code,
		message: message === null ? describeUnread(httpStatus, code, body) : cut(message),
		httpStatus,
		requestId: textOf(fields, 'requestId'),
		returnCode: read === 'gateway' ? null : code,
		returnMessage: read === 'gateway' || read === 'none' ? null : message,
		traceId: headerOf(headers, 'x-ncp-trace-id'),
		retryAfterSeconds: readRetryAfter(headers),
		firstWaitSeconds,
		dateMs: readDate(headerOf(headers, 'date')),
		sent: true,
		failure: null,
		signed: null,
	}
	return { reply, fields }
}

/** No HTTP status came back. If nothing was sent, nothing was done (`later`); otherwise it may have been done (`unknown`). */
export function toLostReply(sent: boolean, reason: string): Reply {
	return {
		kind: sent ? 'unknown' : 'later',
		envelope: 'none',
		code: null,
		message: sent ? `the reply was lost after sending (${reason})` : `nothing was sent (${reason})`,
		httpStatus: null,
		requestId: null,
		returnCode: null,
		returnMessage: null,
		traceId: null,
		retryAfterSeconds: null,
		firstWaitSeconds: null,
		dateMs: null,
		sent,
		failure: null,
		signed: null,
	}
}

/** The call could not even be signed; only an operator can help. */
export function toUnsentReply(cause: unknown): Reply {
	const message = `the key pair cannot be read: ${toReason(cause)}`
	const failure = new ExportError('SECRET_UNREADABLE', message, { cause })
	return { ...toLostReply(false, message), kind: 'credentials', failure }
}

export type Fields = Readonly<Record<string, unknown>>

function parseDocument(body: string): unknown {
	const text = body.replace(/^\uFEFF/, '').trimStart()
	try {
		if (text.startsWith('<')) return parseXml(text)
		return text.startsWith('{') ? JSON.parse(text, keepNumberText) : null
	} catch {
		// Truncated or malformed: only the status is left.
		return null
	}
}

/** Keeps numbers as they were written: once parsed, -0 and 1e-400 would both be 0, which means success. */
function keepNumberText(_name: string, value: unknown, context?: { source: string }): unknown {
	return typeof value === 'number' && context !== undefined ? context.source : value
}

/** Does not rely on the root's name for success: the documentation's own samples get it wrong. */
function findEnvelope(document: unknown): { envelope: Envelope; fields: Fields } {
	const roots = isRecord(document) ? Object.entries(document) : []
	const [name, fields] = roots[0] ?? []
	if (roots.length !== 1 || !isRecord(fields)) return { envelope: 'none', fields: {} }
	if (name === 'responseError') return { envelope: 'api', fields }
	return { envelope: Object.hasOwn(fields, 'errorCode') ? 'gateway' : 'response', fields }
}

/** Codes arrive as strings or as numbers. Any other value, and an empty string, counts as absent. */
function textOf(fields: Fields, name: string): string | null {
	const value = Object.hasOwn(fields, name) ? fields[name] : null
	return typeof value === 'string' && value.trim() !== '' ? cut(value.trim(), MAX_TEXT) : null
}

function describeUnread(httpStatus: number, code: string | null, body: string): string {
	if (code !== null) return `HTTP ${httpStatus} without a message`
	return `HTTP ${httpStatus} without a readable ${body === '' ? 'body' : 'answer'}`
}

function headerOf(headers: RawReply['headers'], name: string): string | null {
	const value = headers[name]
	const text = Array.isArray(value) ? value[0] : value
	return text === undefined || text === '' ? null : cut(text, MAX_TEXT)
}

/** Seconds, or a date, which is compared with the reply's own `Date`. NCP does not document it. RFC 9110, 10.2.3. */
function readRetryAfter(headers: RawReply['headers']): number | null {
	const text = headerOf(headers, 'retry-after')
	if (text === null) return null
	if (/^\d{1,9}$/.test(text)) return clampWait(Number(text))
	const at = IMF_FIXDATE.test(text) ? readDate(text) : null
	const from = readDate(headerOf(headers, 'date'))
	return at === null || from === null ? null : clampWait(Math.ceil((at - from) / 1000))
}

const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** At least a second and at most an hour: a wrong header must not delay an export for years. */
function clampWait(seconds: number): number {
	return Math.min(3_600, Math.max(1, seconds))
}

function readDate(text: string | null): number | null {
	const ms = text === null ? Number.NaN : Date.parse(text)
	return Number.isNaN(ms) ? null : ms
}
