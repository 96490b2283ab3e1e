import { MAX_REQUEST_BYTES } from '../request/unwrap-envelope.ts'
import { isLoopback } from '../url.ts'
import type { HttpRequest, HttpResponse } from './gateway-event.ts'
import { toProblemResponse } from './problem.ts'
import { isSignedWebhook } from './signature.ts'

/** Who is let in: callers who sign, callers whom the gateway has checked, or callers on loopback. */
export type WebhookAuth = 'signature' | 'iam' | 'none'

export interface WebhookAccess {
	auth: WebhookAuth
	/** Called only to check a signature. Rejects when the secrets cannot be read. */
	readSecrets: () => Promise<readonly string[]>
}

export type WebhookBody =
	/** `isAsync`: the caller does not want to wait (RFC 7240, 4.1). */
	| { kind: 'read'; input: unknown; original: string; isAsync: boolean }
	/** GET of one export. */
	| { kind: 'lookup'; exportId: string }
	/** The response to give: no request could be read. */
	| { kind: 'refused'; response: HttpResponse }

/** ULIDs, as they are made for exports. */
const ONE_EXPORT = /^\/exports\/([0-9A-HJKMNP-TV-Z]{26})$/

/** Checks route, size, sender and content type before it looks at the body. Rejects only when the secrets cannot be read. */
export async function readWebhook(
	request: HttpRequest,
	access: WebhookAccess,
	nowMs: number,
): Promise<WebhookBody> {
	const refuse = (
		status: number,
		code: string,
		detail: string,
		headers?: Record<string, string>,
	): WebhookBody => ({
		kind: 'refused',
		response: toProblemResponse({
			status,
			code,
			detail,
			instance: request.path,
			...(headers ? { headers } : {}),
		}),
	})
	const exportId = ONE_EXPORT.exec(request.path)?.[1]
	const method = exportId === undefined ? 'POST' : 'GET'
	if (exportId === undefined && request.path !== '/exports') {
		return refuse(404, 'NOT_FOUND', 'There is nothing here; send POST /exports, or GET /exports/{exportId}.')
	}
	if (request.method !== method) {
		return refuse(405, 'METHOD_NOT_ALLOWED', `Send the request with ${method}.`, { allow: method })
	}
	if (request.body.length > MAX_REQUEST_BYTES) {
		return refuse(413, 'BODY_TOO_LARGE', `The body may have ${MAX_REQUEST_BYTES} bytes at most.`)
	}
	// The response does not say why: neither which header is wrong nor how far the clock is off.
	if (!(await isAuthenticated(request, access, nowMs)))
		return refuse(401, 'UNAUTHENTICATED', 'The request is not authenticated.')
	return exportId === undefined ? parseBody(request, refuse) : { kind: 'lookup', exportId }
}

async function isAuthenticated(
	request: HttpRequest,
	{ auth, readSecrets }: WebhookAccess,
	nowMs: number,
): Promise<boolean> {
	switch (auth) {
		case 'none':
			// A deployed gateway never sees a loopback address, so this opens nothing there.
			return isLoopback(request.sourceIp)
		case 'iam':
			return request.isIamChecked
		case 'signature':
			return isSignedWebhook({ headers: request.headers, body: request.body, nowMs }, await readSecrets())
	}
}

type Refuse = (status: number, code: string, detail: string) => WebhookBody

function parseBody({ headers, body }: HttpRequest, refuse: Refuse): WebhookBody {
	const mediaType = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
	const isForm = mediaType === 'application/x-www-form-urlencoded'
	if (!isForm && !/^application\/([\w.-]+\+)?json$/.test(mediaType)) {
		return refuse(
			415,
			'MEDIA_TYPE_UNSUPPORTED',
			'Send application/json or application/x-www-form-urlencoded.',
		)
	}
	try {
		const original = new TextDecoder('utf-8', { fatal: true }).decode(body)
		if (isForm && original.trimStart().startsWith('{')) {
			return refuse(
				415,
				'MEDIA_TYPE_UNSUPPORTED',
				'This is JSON sent as a form; add "content-type: application/json".',
			)
		}
		return {
			kind: 'read',
			input: isForm ? parseForm(original) : original,
			original,
			isAsync: isAsync(headers),
		}
	} catch {
		return refuse(400, 'BODY_UNREADABLE', 'The body is not UTF-8.')
	}
}

function isAsync({ prefer = '' }: HttpRequest['headers']): boolean {
	return prefer
		.split(',')
		.some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async')
}

/** A repeated field becomes a list, and the request's schema refuses lists. */
function parseForm(text: string): Record<string, string | string[]> {
	const fields = new Map<string, string | string[]>()
	for (const [name, value] of new URLSearchParams(text)) {
		const before = fields.get(name)
		if (Array.isArray(before)) before.push(value)
		else fields.set(name, before === undefined ? value : [before, value])
	}
	return Object.fromEntries(fields)
}

/**
 * The request's `idempotencyKey` from the header of that name: a quoted string (RFC 8941, 3.3.3; parameters are
 * ignored) or a bare one. Any other header becomes an empty key, which the request's schema refuses.
 */
export function readIdempotencyKey(header: string | undefined): string | undefined {
	const text = header?.trim()
	if (text === undefined) return undefined
	const quoted = /^"((?:[^"\\]|\\["\\])*)"\s*(?:;[^,]*)?$/.exec(text)?.[1]
	if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1')
	// Half a quoted string, or several values.
	return /^"|,/.test(text) ? '' : text
}
