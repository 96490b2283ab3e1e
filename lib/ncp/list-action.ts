import { ExportError } from '../errors.ts'
import type { ListBackups, ListedBackup, ListedInstance, ListInstances } from '../ports.ts'
import { type Product, type ProductRow, rowOf } from '../products.ts'
import { type Reply, toReplyError } from '../reply.ts'
import { encodeForm } from './actions.ts'
import { type Attempt, toReply } from './call-action.ts'
import { type ListedProduct, type Page, readBackups, readInstances, type Unreadable } from './read-list.ts'
import { type Fields, readDocument } from './read-reply.ts'

/** One call of a list action; total. Its fields are empty unless a whole reply could be read. */
export type CallList = (call: { path: string; form: string }, timeoutMs: number) => Promise<ListReply>

export interface ListReply extends Reply {
	fields: Fields
}

/** NCP takes 1-1000. */
const PAGE_SIZE = 100

/** 20,000 rows, more than any account has. */
const MAX_PAGES = 200

/** NCP's code for a filter that matches nothing. For a list of instances it is documented, for backups assumed. */
const NOTHING_MATCHES = '5001017'

/** How an attempt ended, and the fields of its reply. Total. */
export function toListReply(attempt: Attempt): ListReply {
	if (attempt.kind !== 'replied') return { ...toReply(attempt), fields: {} }
	const { reply, fields } = readDocument(attempt.reply)
	return { ...reply, fields }
}

/** Asks page by page: 10,000 instances do not fit into one reply. Source: NCP API guide, get…InstanceList. */
export function createListInstances(callList: CallList): ListInstances {
	return async ({ product, regionCode }, timeoutMs) => {
		const row = toListedProduct(product)
		const { action } = row.discovery.instances
		const ask = createAsk<ListedInstance>(callList, timeoutMs, {
			name: action,
			path: toPath(row, action),
			parameters: { regionCode },
			read: (fields) => readInstances(fields, row),
		})
		return readPages(ask, ({ instanceNo }) => instanceNo, 0)
	}
}

/** Asks once, and page by page when rows are missing. Source: NCP API guide, get…BackupDetailList. */
export function createListBackups(callList: CallList): ListBackups {
	return async ({ product, regionCode, instanceNo }, timeoutMs) => {
		const row = toListedProduct(product)
		const { action } = row.discovery.backups
		const ask = createAsk<ListedBackup>(callList, timeoutMs, {
			name: `${action} of instance ${instanceNo}`,
			path: toPath(row, action),
			parameters: { regionCode, [row.instanceField]: instanceNo },
			read: (fields) => readBackups(fields, row),
		})
		const keyOf = ({ fileName }: ListedBackup): string => fileName
		const { totalRows, rows } = (await ask.page()) ?? NO_ROWS
		const different = new Map(rows.map((each) => [keyOf(each), each]))
		if (different.size < totalRows) return readPages(ask, keyOf, totalRows)
		return toWhole(ask, different, totalRows)
	}
}

function toListedProduct(product: Product): ListedProduct {
	const row = rowOf(product)
	if (row.discovery === null)
		throw new ExportError(
			'NCP_REFUSED',
			`NCP does not document how to list the backup files of ${row.title}: name them yourself`,
		)
	return { ...row, discovery: row.discovery }
}

function toPath({ path }: ProductRow, action: string): string {
	return `/${path}/v2/${action}`
}

interface List<Row> {
	/** For errors. */
	name: string
	path: string
	parameters: Readonly<Record<string, string | undefined>>
	read: (fields: Fields) => Page<Row> | Unreadable
}

interface Ask<Row> {
	/** One reply; null when nothing matches. Without a number it is the whole list, or what NCP makes of it. */
	page: (pageNo?: number) => Promise<Page<Row> | null>
	later: (problem: string) => ExportError
}

const NO_ROWS = { totalRows: 0, rows: [] }

function createAsk<Row>(callList: CallList, timeoutMs: number, list: List<Row>): Ask<Row> {
	const { name, path, parameters, read } = list
	const endsAt = performance.now() + timeoutMs
	const later = (problem: string): ExportError => new ExportError('NCP_LATER', `${name}: ${problem}`)
	return {
		later,
		page: async (pageNo) => {
			const leftMs = endsAt - performance.now()
			if (leftMs < 1)
				throw later(pageNo === undefined ? 'no time was left' : `no time was left for page ${pageNo}`)
			const paging = pageNo === undefined ? {} : { pageNo: String(pageNo), pageSize: String(PAGE_SIZE) }
			const form = encodeForm({ ...parameters, ...paging, responseFormatType: 'json' })
			const reply = await callList({ path, form }, leftMs)
			if (reply.envelope !== 'gateway' && reply.code === NOTHING_MATCHES) return null
			// A list changes nothing: a reply that is lost or unreadable can be asked for again.
			const error = toReplyError(reply.kind === 'unknown' ? { ...reply, kind: 'later' } : reply)
			if (error !== null) throw toListError(name, error)
			const page = read(reply.fields)
			if ('problem' in page) throw later(`the list cannot be known to be whole: ${page.problem}`)
			return page
		},
	}
}

/**
 * Whether the first page is 0 or 1 is not documented: page 0 may be empty, and page 1 may repeat it. A row that was deleted
 * moves later rows to pages that have been read, so a count that shrinks ends the list. `countedRows` are known before.
 */
async function readPages<Row>(
	ask: Ask<Row>,
	keyOf: (row: Row) => string,
	countedRows: number,
): Promise<Row[]> {
	const different = new Map<string, Row>()
	let totalRows = countedRows
	for (let pageNo = 0; pageNo < MAX_PAGES; pageNo++) {
		const page = (await ask.page(pageNo)) ?? { totalRows, rows: [] }
		if (page.totalRows < totalRows) throw ask.later('the list changed while it was read')
		totalRows = page.totalRows
		const known = different.size
		for (const row of page.rows) different.set(keyOf(row), row)
		if (different.size >= totalRows || (pageNo > 1 && different.size === known)) break
	}
	return toWhole(ask, different, totalRows)
}

function toWhole<Row>(ask: Ask<Row>, different: ReadonlyMap<string, Row>, totalRows: number): Row[] {
	if (different.size !== totalRows)
		throw ask.later(`the list is not whole: ${different.size} of ${totalRows} rows`)
	return [...different.values()]
}

function toListError(name: string, error: ExportError): ExportError {
	const { code, message, retryAfterSeconds, firstWaitSeconds, replyCode, cause } = error
	return new ExportError(code, `${name}: ${message}`, {
		retryAfterSeconds,
		firstWaitSeconds,
		replyCode,
		cause,
	})
}
