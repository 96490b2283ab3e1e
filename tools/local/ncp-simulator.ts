import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { close, listen, readAll } from './listen.ts'
import { type Answer, apiError, badRequest, DONE, gatewayError, send, sendHalf } from './ncp-answer.ts'
import { backupsAt } from './ncp-backups.ts'
import {
	answerList,
	instanceOf,
	LIST_ACTIONS,
	type ListAction,
	type ListCall,
	type Listed,
	type ListQuirks,
} from './ncp-lists.ts'
import { DEFAULT_PATH, SIMULATED_PRODUCTS, type SimulatedProduct, toInstanceField } from './ncp-products.ts'

/** A fault that replaces the normal response to an export or list call. */
export type Fault =
	| 'throttle'
	| 'busy'
	| 'unavailable'
	| 'fail'
	/** The export is not performed, and the call is never answered. */
	| 'hang'
	/** The export is performed, but the call is never answered. */
	| 'perform-then-hang'
	/** The export is performed, but the connection closes in the middle of the response. */
	| 'cut'
	/** The export is not performed, and the connection closes without a response. */
	| 'reset'
	/** The export is not performed, and a web page comes back. */
	| 'nonsense'
	| { httpStatus: number; contentType: string; body: string }

export interface Performed {
	/** The path of its product, such as `vpostgresql`. */
	product: string
	instanceNo: string
	fileName: string
	/** What else the call named, such as a Cache's `backupTypeMode`. */
	choices: Readonly<Record<string, string>>
	bucketName: string
	/** Empty when the call named none. */
	folderPath: string
	atMs: number
}

/** An export call that could be answered: its signature, its parameters and what they name are right. */
export interface ExportCall extends Performed {
	/** Empty when the call named none. */
	regionCode: string
	/** Counts the calls for one instance and file, from 1. */
	nth: number
}

export interface Instance extends Listed {
	/** The number of calls for each backup that are answered "busy" first. */
	busyCalls?: number
	/** Every export has the fault `cut`. */
	losesReply?: boolean
	/** How exported files appear in the bucket. NCP does not document it, so the simulator offers several ways. */
	landing?: Landing
}

/**
 * Under the file's name, never, empty, under a prefix, with an ending, under another name, or as if no folder had been asked
 * for.
 */
export type Landing =
	| 'plain'
	| 'never'
	| 'empty'
	| 'under-prefix'
	| 'with-ending'
	| 'renamed'
	| 'ignoring-folder'

export interface SimulatorOptions {
	keys: ReadonlyMap<string, string>
	instances: ReadonlyMap<string, Instance>
	buckets: ReadonlySet<string>
	now?: () => number
	/** Called before each valid export call. */
	fault?: (call: ExportCall) => Fault | undefined | Promise<Fault | undefined>
	/** Called with each valid export call, when it is decided how it is answered. */
	onCall?: (call: ExportCall, fault: Fault | undefined, isPerformed: boolean) => void
	/** Called before each list call with a valid signature. */
	listFault?: (call: ListCall) => Fault | undefined | Promise<Fault | undefined>
	/** How the lists are written, for all calls or for each. */
	listQuirks?: ListQuirks | ((call: ListCall) => ListQuirks)
	/** Products that NCP has beside the ones that the project knows. */
	moreProducts?: readonly SimulatedProduct[]
	/** Writes the exported file, `copyDelayMs` after the export was performed. */
	copy?: (bucketName: string, key: string, body: string) => Promise<void>
	copyDelayMs?: number
	port?: number
}

export interface NcpSimulator {
	url: string
	/** Every export that was performed, in order. A backup in it twice means a duplicate export. */
	performed: readonly Performed[]
	/** The number of calls that reached the gateway, refused ones included, list calls not. */
	calls: () => number
	/** The number of list calls that reached the gateway, refused ones included. */
	listCalls: () => number
	stop: () => Promise<void>
}

const toPath = (product: SimulatedProduct): string => `/${product.path}/v2/exportBackupToObjectStorage`
const CLOCK_TOLERANCE_MS = 5 * 60 * 1000
const MAX_BODY_BYTES = 64 * 1024

/**
 * A simulator of NCP's API gateway. It shares no code with the client, so that the two agree only if both follow the
 * documented protocol. The return codes for a bad parameter or bucket are invented: NCP does not document them.
 */
export async function startNcpSimulator(options: SimulatorOptions): Promise<NcpSimulator> {
	const { now = Date.now, copyDelayMs = 300, moreProducts = [] } = options
	const products = new Map([...SIMULATED_PRODUCTS, ...moreProducts].map((each) => [toPath(each), each]))
	const performed: Performed[] = []
	const counts = new Map<string, number>()
	const listCounts = new Map<string, number>()
	const stopping = new AbortController()
	let calls = 0
	let listCalls = 0

	const perform = (done: Performed): void => {
		performed.push(done)
		const landing = options.instances.get(done.instanceNo)?.landing ?? 'plain'
		if (options.copy === undefined || landing === 'never') return
		const { copy } = options
		sleep(copyDelayMs, undefined, { signal: stopping.signal })
			.then(() => copy(done.bucketName, toKey(done, landing), landing === 'empty' ? '' : toContent(done)))
			.catch(() => undefined)
	}

	const answerExport = async (
		product: SimulatedProduct,
		parameters: URLSearchParams,
		response: ServerResponse,
		isJson: boolean,
	): Promise<void> => {
		const call = toPerformed(product, parameters, now())
		const refusal = checkParameters(product, parameters) ?? checkResources(call, parameters, options)
		if (refusal !== null) {
			send(response, refusal, isJson)
			return
		}
		const nth = count(counts, `${call.instanceNo}/${call.fileName}`)
		const asked = { ...call, regionCode: parameters.get('regionCode') ?? '', nth }
		const habit = habitOf(options.instances.get(call.instanceNo), nth)
		const fault = (await options.fault?.(asked)) ?? habit
		const isPerformed = fault === undefined || fault === 'cut' || fault === 'perform-then-hang'
		options.onCall?.(asked, fault, isPerformed)
		if (isPerformed) perform(call)
		if (fault === undefined) send(response, SUCCESS, isJson)
		else misbehave(fault, response, isJson, SUCCESS)
	}

	const answerListCall = async (
		action: ListAction,
		parameters: URLSearchParams,
		response: ServerResponse,
		isJson: boolean,
	): Promise<void> => {
		const { instances, listQuirks = {}, listFault } = options
		const instanceNo = instanceOf(action, parameters)
		const nth = count(listCounts, `${action.name}/${instanceNo}`)
		const call = { action: action.name, ...(instanceNo === null ? {} : { instanceNo }), nth }
		const quirks = typeof listQuirks === 'function' ? listQuirks(call) : listQuirks
		const answer = answerList(action, parameters, { instances, nowMs: now(), quirks })
		const fault = await listFault?.(call)
		if (fault === undefined) send(response, answer, isJson)
		else misbehave(fault, response, isJson, answer)
	}

	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const path = request.url?.split('?')[0] ?? ''
		const action = LIST_ACTIONS.get(path)
		const product = products.get(path)
		if (action === undefined) calls++
		else listCalls++
		// By the gateway's clock, which may differ from the caller's.
		response.setHeader('date', new Date(now()).toUTCString())
		const body = (await readAll(request, MAX_BODY_BYTES)).toString('utf8')
		const parameters = readParameters(request, body)
		const isJson = parameters.get('responseFormatType') === 'json'
		const refusal = checkSignature(request, options.keys, now())
		if (action === undefined && product === undefined)
			send(response, gatewayError(404, '300', 'Not Found Exception'), isJson)
		else if (request.method !== 'GET' && request.method !== 'POST')
			send(response, badRequest('method'), isJson)
		else if (refusal !== null) send(response, refusal, isJson)
		else if (product !== undefined) await answerExport(product, parameters, response, isJson)
		else if (action !== undefined) await answerListCall(action, parameters, response, isJson)
	}

	const server = createServer((request, response) => {
		answer(request, response).catch(() => response.destroy())
	})
	const url = await listen(server, options.port)
	return {
		url,
		performed,
		calls: () => calls,
		listCalls: () => listCalls,
		stop: async () => {
			stopping.abort()
			await close(server)
		},
	}
}

/** The content of a copied backup. It names file and instance, so that a test can tell whose backup an object is. */
function toContent({ instanceNo, fileName, choices }: Performed): string {
	return ['backup', fileName, ...Object.values(choices), 'of', instanceNo].join(' ')
}

function toPerformed(product: SimulatedProduct, parameters: URLSearchParams, atMs: number): Performed {
	const textOf = (name: string): string => parameters.get(name) ?? ''
	return {
		product: product.path,
		instanceNo: textOf(toInstanceField(product)),
		fileName: textOf(product.fileField),
		choices: Object.fromEntries(Object.keys(product.choices ?? {}).map((name) => [name, textOf(name)])),
		bucketName: textOf('bucketName'),
		folderPath: product.parameters.includes('folderPath') ? textOf('folderPath') : '',
		atMs,
	}
}

function toKey({ folderPath, fileName }: Performed, landing: Landing): string {
	if (landing === 'under-prefix') return `exports/2026/${fileName}`
	if (landing === 'ignoring-folder') return fileName
	if (landing === 'renamed') return `${folderPath}pg-${fileName}`
	return folderPath + (landing === 'with-ending' ? `${fileName}.tar.gz` : fileName)
}

/** Counts one more, and returns the number so far. */
function count(counts: Map<string, number>, key: string): number {
	const nth = (counts.get(key) ?? 0) + 1
	counts.set(key, nth)
	return nth
}

function habitOf(instance: Instance | undefined, nth: number): Fault | undefined {
	if (nth <= (instance?.busyCalls ?? 0)) return 'busy'
	return instance?.losesReply ? 'cut' : undefined
}

const SUCCESS: Answer = {
	httpStatus: 200,
	root: 'exportBackupToObjectStorageResponse',
	fields: DONE,
}

const BUSY = apiError(400, '5001005', 'The cluster is working on something else.')

function readParameters({ method, url, headers }: IncomingMessage, body: string): URLSearchParams {
	if (method === 'GET') return new URL(url ?? '/', 'http://gateway').searchParams
	const isForm = headers['content-type']?.split(';')[0] === 'application/x-www-form-urlencoded'
	return new URLSearchParams(isForm ? body : '')
}

function checkSignature(
	{ method, url, headers }: IncomingMessage,
	keys: ReadonlyMap<string, string>,
	nowMs: number,
): Answer | null {
	const refused = (details: string): Answer => gatewayError(401, '200', 'Authentication Failed', details)
	const timestamp = headers['x-ncp-apigw-timestamp']
	const accessKey = headers['x-ncp-iam-access-key']
	if (typeof timestamp !== 'string' || typeof accessKey !== 'string')
		return refused('Authentication information is missing.')
	if (!/^\d{13}$/.test(timestamp)) return refused('Invalid timestamp.')
	if (Math.abs(nowMs - Number.parseInt(timestamp, 10)) >= CLOCK_TOLERANCE_MS)
		return refused('Request time has expired.')
	const secretKey = keys.get(accessKey)
	if (secretKey === undefined) return refused('Invalid authentication information.')
	const hmac = createHmac('sha256', secretKey)
	for (const part of [method ?? '', ' ', url ?? '', '\n', timestamp, '\n', accessKey])
		hmac.update(part, 'utf8')
	const isSigned = hmac.digest('base64') === headers['x-ncp-apigw-signature-v2']
	return isSigned ? null : refused('Invalid authentication information.')
}

function checkParameters(product: SimulatedProduct, parameters: URLSearchParams): Answer | null {
	const { fileField, choices = {}, ignores = [] } = product
	const required = [fileField, 'bucketName', toInstanceField(product), ...Object.keys(choices)]
	const known = [...required, 'regionCode', 'responseFormatType', ...product.parameters, ...ignores]
	const problem =
		[...parameters.keys()].find((name) => !known.includes(name) || parameters.getAll(name).length > 1) ??
		required.find((name) => !parameters.get(name)) ??
		Object.entries(choices).find(([name, values]) => !values.includes(parameters.get(name) ?? ''))?.[0]
	if (problem !== undefined) return badRequest(`parameter ${problem}`)
	const format = parameters.get('responseFormatType') ?? 'xml'
	return format === 'xml' || format === 'json' ? null : badRequest('responseFormatType')
}

function checkResources(
	{ product, instanceNo, fileName, bucketName, atMs }: Performed,
	parameters: URLSearchParams,
	{ instances, buckets }: SimulatorOptions,
): Answer | null {
	const instance = instances.get(instanceNo)
	const isOfProduct = instance !== undefined && (instance.product ?? DEFAULT_PATH) === product
	const regionCode = parameters.get('regionCode')
	if (!isOfProduct || (regionCode !== null && regionCode !== instance.regionCode)) {
		return apiError(400, '5001017', 'The instance does not exist.')
	}
	const isThere = backupsAt(instance, atMs).some((each) => each.fileName === fileName && !each.isRunning)
	if (!isThere) return apiError(400, '5001017', 'The backup does not exist.')
	return buckets.has(bucketName) ? null : apiError(400, '5001999', 'The bucket does not exist.')
}

/** `answer` is what would have been sent without the fault. */
function misbehave(fault: Fault, response: ServerResponse, isJson: boolean, answer: Answer): void {
	if (typeof fault === 'object') {
		response.writeHead(fault.httpStatus, { 'content-type': fault.contentType }).end(fault.body)
		return
	}
	switch (fault) {
		case 'throttle':
			send(response, gatewayError(429, '410', 'Throttle Limited'), isJson)
			return
		case 'busy':
			send(response, BUSY, isJson)
			return
		case 'unavailable':
			send(response, gatewayError(503, '500', 'Endpoint Error'), isJson)
			return
		case 'fail':
			send(response, gatewayError(500, '900', 'Unexpected Error'), isJson)
			return
		case 'hang':
		case 'perform-then-hang':
			return
		case 'reset':
			response.destroy()
			return
		case 'nonsense':
			response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Try again</body></html>')
			return
		case 'cut':
			sendHalf(response, answer, isJson)
	}
}
