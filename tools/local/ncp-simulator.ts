import { createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { close, listen, readAll } from './listen.ts'

/** A fault that replaces the normal response to an export call. */
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
	| { httpStatus: number; contentType: string; body: string }

export interface Performed {
	cloudPostgresqlInstanceNo: string
	fileName: string
	bucketName: string
	/** Empty when the call named none. */
	folderPath: string
	atMs: number
}

export interface Instance {
	regionCode: string
	backups: ReadonlySet<string>
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
	/** Called before each valid export call. `nth` counts the calls for one instance and file, from 1. */
	fault?: (call: {
		cloudPostgresqlInstanceNo: string
		fileName: string
		nth: number
	}) => Fault | undefined | Promise<Fault | undefined>
	/** Writes the exported file, `copyDelayMs` after the export was performed. */
	copy?: (bucketName: string, key: string, body: string) => Promise<void>
	copyDelayMs?: number
	port?: number
}

export interface NcpSimulator {
	url: string
	/** Every export that was performed, in order. A backup in it twice means a duplicate export. */
	performed: readonly Performed[]
	/** The number of calls that reached the gateway, refused ones included. */
	calls: () => number
	stop: () => Promise<void>
}

const PATH = '/vpostgresql/v2/exportBackupToObjectStorage'
const LIST_PATH = '/vpostgresql/v2/getCloudPostgresqlInstanceList'
const PARAMETERS = [
	'regionCode',
	'fileName',
	'bucketName',
	'folderPath',
	'cloudPostgresqlInstanceNo',
	'responseFormatType',
]
const REQUIRED = ['fileName', 'bucketName', 'cloudPostgresqlInstanceNo']
const CLOCK_TOLERANCE_MS = 5 * 60 * 1000
const MAX_BODY_BYTES = 64 * 1024

/** A response before it is written as XML or JSON. */
interface Answer {
	httpStatus: number
	root: string
	fields: Record<string, string>
}

/**
 * A simulator of NCP's API gateway. It shares no code with the client, so that the two agree only if both follow the
 * documented protocol. The return codes for a bad parameter or bucket are invented: NCP does not document them.
 */
export async function startNcpSimulator(options: SimulatorOptions): Promise<NcpSimulator> {
	const { now = Date.now, copyDelayMs = 300 } = options
	const performed: Performed[] = []
	const counts = new Map<string, number>()
	const stopping = new AbortController()
	let calls = 0

	const perform = (parameters: URLSearchParams): void => {
		const done: Performed = {
			cloudPostgresqlInstanceNo: parameters.get('cloudPostgresqlInstanceNo') ?? '',
			fileName: parameters.get('fileName') ?? '',
			bucketName: parameters.get('bucketName') ?? '',
			folderPath: parameters.get('folderPath') ?? '',
			atMs: now(),
		}
		performed.push(done)
		const landing = options.instances.get(done.cloudPostgresqlInstanceNo)?.landing ?? 'plain'
		if (options.copy === undefined || landing === 'never') return
		const { copy } = options
		sleep(copyDelayMs, undefined, { signal: stopping.signal })
			.then(() => copy(done.bucketName, toKey(done, landing), landing === 'empty' ? '' : toContent(done)))
			.catch(() => undefined)
	}

	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		calls++
		// By the gateway's clock, which may differ from the caller's.
		response.setHeader('date', new Date(now()).toUTCString())
		const body = (await readAll(request, MAX_BODY_BYTES)).toString('utf8')
		const parameters = readParameters(request, body)
		const isJson = parameters.get('responseFormatType') === 'json'
		const isList = request.url?.split('?')[0] === LIST_PATH
		const refusal = checkRoute(request) ?? checkSignature(request, options.keys, now())
		const early = refusal ?? (isList ? listInstances(options) : checkExport(parameters, options))
		if (early !== null) {
			send(response, early, isJson)
			return
		}

		const instance = parameters.get('cloudPostgresqlInstanceNo') ?? ''
		const fileName = parameters.get('fileName') ?? ''
		const nth = (counts.get(`${instance}/${fileName}`) ?? 0) + 1
		counts.set(`${instance}/${fileName}`, nth)
		const fault =
			(await options.fault?.({ cloudPostgresqlInstanceNo: instance, fileName, nth })) ??
			habitOf(options.instances.get(instance), nth)
		if (fault === undefined || fault === 'cut' || fault === 'perform-then-hang') perform(parameters)
		if (fault === undefined) send(response, SUCCESS, isJson)
		else misbehave(fault, response, isJson)
	}

	const server = createServer((request, response) => {
		answer(request, response).catch(() => response.destroy())
	})
	const url = await listen(server, options.port)
	return {
		url,
		performed,
		calls: () => calls,
		stop: async () => {
			stopping.abort()
			await close(server)
		},
	}
}

/** The content of a copied backup. It names file and instance, so that a test can tell whose backup an object is. */
function toContent({ cloudPostgresqlInstanceNo, fileName }: Performed): string {
	return `backup ${fileName} of ${cloudPostgresqlInstanceNo}`
}

function toKey({ folderPath, fileName }: Performed, landing: Landing): string {
	if (landing === 'under-prefix') return `exports/2026/${fileName}`
	if (landing === 'ignoring-folder') return fileName
	if (landing === 'renamed') return `${folderPath}pg-${fileName}`
	return folderPath + (landing === 'with-ending' ? `${fileName}.tar.gz` : fileName)
}

function habitOf(instance: Instance | undefined, nth: number): Fault | undefined {
	if (nth <= (instance?.busyCalls ?? 0)) return 'busy'
	return instance?.losesReply ? 'cut' : undefined
}

const SUCCESS: Answer = {
	httpStatus: 200,
	root: 'exportBackupToObjectStorageResponse',
	fields: { returnCode: '0', returnMessage: 'success' },
}

/** The number of instances alone: the client does not read the list. */
const listInstances = ({ instances }: SimulatorOptions): Answer => ({
	httpStatus: 200,
	root: 'getCloudPostgresqlInstanceListResponse',
	fields: { returnCode: '0', returnMessage: 'success', totalRows: String(instances.size) },
})

const checkExport = (parameters: URLSearchParams, options: SimulatorOptions): Answer | null =>
	checkParameters(parameters) ?? checkResources(parameters, options)

const gatewayError = (httpStatus: number, errorCode: string, message: string, details = ''): Answer => ({
	httpStatus,
	root: 'error',
	fields: { errorCode, message, details },
})

const apiError = (httpStatus: number, returnCode: string, returnMessage: string): Answer => ({
	httpStatus,
	root: 'responseError',
	fields: { returnCode, returnMessage },
})

const BUSY = apiError(400, '5001005', 'The cluster is working on something else.')

function readParameters({ method, url, headers }: IncomingMessage, body: string): URLSearchParams {
	if (method === 'GET') return new URL(url ?? '/', 'http://gateway').searchParams
	const isForm = headers['content-type']?.split(';')[0] === 'application/x-www-form-urlencoded'
	return new URLSearchParams(isForm ? body : '')
}

function checkRoute({ method, url }: IncomingMessage): Answer | null {
	const [path] = (url ?? '').split('?')
	if (path !== PATH && path !== LIST_PATH) return gatewayError(404, '300', 'Not Found Exception')
	if (method !== 'GET' && method !== 'POST') return gatewayError(400, '100', 'Bad Request Exception')
	return null
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

function checkParameters(parameters: URLSearchParams): Answer | null {
	const names = [...parameters.keys()]
	const problem =
		names.find((name) => !PARAMETERS.includes(name) || parameters.getAll(name).length > 1) ??
		REQUIRED.find((name) => !parameters.get(name))
	if (problem !== undefined) return gatewayError(400, '100', 'Bad Request Exception', `parameter ${problem}`)
	const format = parameters.get('responseFormatType') ?? 'xml'
	return format === 'xml' || format === 'json'
		? null
		: gatewayError(400, '100', 'Bad Request Exception', 'responseFormatType')
}

function checkResources(
	parameters: URLSearchParams,
	{ instances, buckets }: SimulatorOptions,
): Answer | null {
	const instance = instances.get(parameters.get('cloudPostgresqlInstanceNo') ?? '')
	const regionCode = parameters.get('regionCode')
	if (instance === undefined || (regionCode !== null && regionCode !== instance.regionCode)) {
		return apiError(400, '5001017', 'The instance does not exist.')
	}
	if (!instance.backups.has(parameters.get('fileName') ?? ''))
		return apiError(400, '5001017', 'The backup does not exist.')
	return buckets.has(parameters.get('bucketName') ?? '')
		? null
		: apiError(400, '5001999', 'The bucket does not exist.')
}

function misbehave(fault: Fault, response: ServerResponse, isJson: boolean): void {
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
		case 'cut':
			response.writeHead(200, { 'content-type': 'application/xml', 'content-length': '400' })
			response.write('<?xml version="1.0" encoding="UTF-8"?>\n<exportBackup', () => response.destroy())
	}
}

function send(response: ServerResponse, { httpStatus, root, fields }: Answer, isJson: boolean): void {
	const all = root.endsWith('Response') ? { requestId: randomUUID(), ...fields } : fields
	const xml = Object.entries(all).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
	const body = isJson
		? JSON.stringify({ [root]: all })
		: `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${xml.join('')}</${root}>`
	response
		.writeHead(httpStatus, {
			'content-type': `application/${isJson ? 'json' : 'xml'};charset=UTF-8`,
			'x-ncp-trace-id': randomUUID().replaceAll('-', ''),
		})
		.end(body)
}

function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
