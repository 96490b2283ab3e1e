import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isRecord } from '../../../lib/formats/json.ts'
import type { Cloud } from '../cloud.ts'
import { close, listen, readAll } from '../listen.ts'
import { checkCaller } from './check-caller.ts'
import { readEntry } from './cloud-state.ts'
import type { Journal } from './journal.ts'
import type { Sandbox } from './open-console.ts'
import { readForm } from './read-form.ts'
import { type Page, readPage } from './read-page.ts'
import { type SentRequest, sendRequest, WAYS, type Way } from './send-request.ts'
import type { Watcher } from './watch-cloud.ts'
import { FAULTS, isFaultName } from './words.ts'

export interface ConsoleServer {
	/** With the token: whoever has it can drive the cloud. */
	url: string
	stop: () => Promise<void>
}

export interface ConsoleParts {
	cloud: Cloud
	journal: Journal
	watcher: Watcher
	sandbox: Sandbox | null
	webhookSecret: string | null
}

/** Larger than the largest request that is read, so that one that is too large can be tried. */
const MAX_BODY_BYTES = 300 * 1024
/** Longer than a claim in the ledger, and than the deadline of the arrival checks. */
const PASS_MS = 2 * 60_000
const MAX_REDRIVES = 100

/** What is wrong with a call of the page, in its own words. */
class BadCall extends Error {
	readonly status: number

	constructor(message: string, status = 400) {
		super(message)
		this.status = status
	}
}

/** Serves the page and its calls on 127.0.0.1, to those who know the token. */
export async function serveConsole(
	parts: ConsoleParts,
	{ port, token }: { port: number; token: string },
): Promise<ConsoleServer> {
	let page: Promise<Page> | undefined
	let origin = ''

	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		for (const [name, value] of HEADERS) response.setHeader(name, value)
		const refusal = checkCaller(request, { origin, token })
		if (refusal !== null) throw new BadCall(refusal.text, refusal.status)
		const url = new URL(request.url ?? '/', origin)
		if (request.method === 'POST') {
			sendJson(response, await act(url.pathname, await readJson(request), parts))
		} else if (url.pathname === '/') {
			page ??= readPage()
			const { html, contentSecurityPolicy } = await page
			response.setHeader('content-security-policy', contentSecurityPolicy)
			response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html)
		} else if (url.pathname === '/events') {
			const isAdded = await parts.watcher.add(response)
			if (!isAdded) throw new BadCall('Too many pages of this console are open: close one.', 503)
		} else sendJson(response, await read(url, parts))
	}

	const server = createServer((request, response) => {
		answer(request, response).catch((error: Error) => {
			if (response.headersSent) response.destroy()
			else {
				const status = error instanceof BadCall ? error.status : 500
				response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(error.message)
			}
		})
	})
	origin = await listen(server, port)
	return {
		url: `${origin}/?token=${token}`,
		stop: async () => {
			parts.watcher.stop()
			await close(server)
		},
	}
}

const HEADERS = [
	['cache-control', 'no-store'],
	['referrer-policy', 'no-referrer'],
	['x-content-type-options', 'nosniff'],
	['cross-origin-opener-policy', 'same-origin'],
	['cross-origin-resource-policy', 'same-origin'],
	['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
] as const

function sendJson(response: ServerResponse, value: unknown): void {
	response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
	const body = await readAll(request, MAX_BODY_BYTES).catch((error: Error) => {
		throw new BadCall(error.message, 413)
	})
	try {
		const value: unknown = JSON.parse(body.toString('utf8'))
		if (isRecord(value)) return value
	} catch {
		// Said below.
	}
	throw new BadCall('The body must be a JSON object.')
}

/** What the page reads when it needs it. */
async function read({ pathname, searchParams }: URL, { journal, cloud }: ConsoleParts): Promise<unknown> {
	if (pathname === '/form') return readForm()
	if (pathname === '/exports')
		return journal.window({ state: searchParams.get('state') ?? '', text: searchParams.get('text') ?? '' })
	const [, id] = /^\/exports\/([\w-]+)$/.exec(pathname) ?? []
	const row = id === undefined ? null : journal.find(id)
	if (row === null) throw new BadCall('There is nothing here.', 404)
	return { row, ...(await readEntry(cloud, row.exportKey)) }
}

type Body = Readonly<Record<string, unknown>>

/** What a button of the page does. */
async function act(path: string, body: Body, parts: ConsoleParts): Promise<unknown> {
	const result = await doAct(path, body, parts)
	await parts.watcher.refresh()
	return result
}

async function doAct(path: string, body: Body, parts: ConsoleParts): Promise<unknown> {
	switch (path) {
		case '/send':
			return send(body, parts)
		case '/redrive':
			return { redriven: await parts.watcher.redrive(toIds(body.messageIds)) }
		case '/try':
			return tryFault(body, parts, sandboxOf(parts))
		case '/faults':
			return changeFault(body, sandboxOf(parts))
		case '/pass': {
			const { clock, onTimePassed } = sandboxOf(parts)
			clock.pass(PASS_MS)
			onTimePassed()
			return { passedMs: PASS_MS }
		}
	}
	throw new BadCall('There is nothing here.', 404)
}

function sandboxOf({ sandbox }: ConsoleParts): Sandbox {
	if (sandbox === null) throw new BadCall('NCP is not simulated here, so nothing is broken on purpose.', 409)
	return sandbox
}

async function send(
	{ text, way }: Body,
	{ cloud, sandbox, webhookSecret }: ConsoleParts,
): Promise<SentRequest> {
	if (typeof text !== 'string') throw new BadCall('"text" must be the request as a text.')
	if (!WAYS.includes(way as Way)) throw new BadCall(`"way" must be one of ${WAYS.join(', ')}.`)
	sandbox?.fresh.makeFor(text)
	return sendRequest(text, way as Way, cloud, webhookSecret)
}

/** Plants a fault for one new backup, and asks for it by queue; with no fault, only asks for it. */
async function tryFault({ name }: Body, { cloud }: ConsoleParts, { faults, fresh }: Sandbox) {
	const request = fresh.next()
	if (name !== null) {
		if (!isFaultName(name)) throw new BadCall('"name" must be a fault, or null.')
		const isForOneCall = FAULTS.some((fault) => fault.name === name && fault.lasts !== null)
		const { cloudPostgresqlInstanceNo: instanceNo, fileName } = request
		faults.plant(name, isForOneCall ? { instanceNo, fileName } : undefined)
	}
	const text = JSON.stringify(request)
	fresh.makeFor(text)
	return { request, ...(await sendRequest(text, 'queue', cloud, null)) }
}

function changeFault({ name, isPlanted }: Body, { faults }: Sandbox) {
	if (!isFaultName(name)) throw new BadCall('"name" must be a fault.')
	if (typeof isPlanted !== 'boolean') throw new BadCall('"isPlanted" must be true or false.')
	if (isPlanted) faults.plant(name)
	else faults.remove(name)
	return { planted: faults.planted() }
}

function toIds(value: unknown): string[] {
	const isList = Array.isArray(value) && value.every((id) => typeof id === 'string')
	if (!isList || value.length === 0 || value.length > MAX_REDRIVES)
		throw new BadCall(`"messageIds" must be a list of 1 to ${MAX_REDRIVES} ids.`)
	return value
}
