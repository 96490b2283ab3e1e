import { type Answer, apiError, badRequest, DONE } from './ncp-answer.ts'
import { backupsAt, type Daily, type SimulatedBackup } from './ncp-backups.ts'
import { DEFAULT_PATH, SIMULATED_PRODUCTS, type SimulatedProduct, toInstanceField } from './ncp-products.ts'

/** What the lists show of an instance. */
export interface Listed {
	/** The path of its product; `vpostgresql` if left out. */
	product?: string
	regionCode: string
	/** Backup files that are always there. They ended before now. */
	backups: ReadonlySet<string>
	/** More backups, which come and go by the simulator's clock. */
	daily?: Daily
	name?: string
	/** NCP's status code; `CREAT` = there. */
	status?: string
}

export interface ListCall {
	action: string
	/** Left out for the list of instances. */
	instanceNo?: string
	/** Counts the calls of one action and instance, from 1. */
	nth: number
}

/** Ways in which NCP might write its lists. It documents none of them. */
export interface ListQuirks {
	/** `mixed`: counts and sizes are numbers, ids are texts. Only JSON knows the difference. */
	numbers?: 'mixed' | 'texts' | 'numbers'
	/**
	 * `array`: the list's field is an array; in XML, an element for each row. `wrapped`: it holds an array under the row's
	 * name. `lone`: as `wrapped`, but a single row is no array. The default is `array` in JSON and `wrapped` in XML.
	 */
	shape?: 'array' | 'wrapped' | 'lone'
	/** A list without rows is left out. */
	omitsEmpty?: boolean
	/** A filter that matches nothing is answered with 5001017. */
	refusesEmpty?: boolean
	rootName?: string
	offset?: '+0900' | '+09:00' | 'Z'
	/** The number of the first page. With 1, page 0 is empty; `both`: pages 0 and 1 are the same. */
	firstPage?: 0 | 1 | 'both'
	/** Each page begins with the last rows of the page before; so many of them. */
	repeatedRows?: number
	/** No page has more rows, whatever its size. */
	maxPageSize?: number
	/** A call without paging gets no more rows than this. */
	maxUnpaged?: number
	/** Rows after these are never sent, but counted. */
	cutTo?: number
	omitsTotal?: boolean
}

export interface ListAction {
	name: string
	/** Of each row, as in `cloudPostgresqlInstance`; the list's own name is this and `List`. */
	rowName: string
	isOfBackups: boolean
	product: SimulatedProduct
}

/** The list actions by their paths. */
export const LIST_ACTIONS: ReadonlyMap<string, ListAction> = new Map(
	SIMULATED_PRODUCTS.filter(({ isListed }) => isListed).flatMap((product) =>
		[true, false].map((isOfBackups): [string, ListAction] => {
			const kind = isOfBackups ? 'BackupDetail' : 'Instance'
			const name = `get${product.prefix.replace('c', 'C')}${kind}List`
			return [`/${product.path}/v2/${name}`, { name, rowName: product.prefix + kind, isOfBackups, product }]
		}),
	),
)

/** The number of the instance that a call is about; null for the list of instances. */
export function instanceOf({ isOfBackups, product }: ListAction, parameters: URLSearchParams): string | null {
	return isOfBackups ? parameters.get(toInstanceField(product)) : null
}

/** The answer to a list call whose signature is right. */
export function answerList(
	action: ListAction,
	parameters: URLSearchParams,
	{ instances, nowMs, quirks }: { instances: ReadonlyMap<string, Listed>; nowMs: number; quirks: ListQuirks },
): Answer {
	const problem = findProblem(action, parameters)
	if (problem !== undefined) return badRequest(problem)
	const rows = findRows(action, parameters, instances, nowMs, quirks)
	if (rows === null || (rows.length === 0 && quirks.refusesEmpty))
		return apiError(400, '5001017', 'The instance does not exist.')
	const isJson = parameters.get('responseFormatType') === 'json'
	const sent = toPage(rows.slice(0, quirks.cutTo), parameters, quirks).map((make) => make())
	const fields = {
		...DONE,
		...(quirks.omitsTotal ? {} : { totalRows: rows.length }),
		...toList(action.rowName, sent, { shape: isJson ? 'array' : 'wrapped', ...quirks }),
	}
	return {
		httpStatus: 200,
		root: quirks.rootName ?? `${action.name}Response`,
		fields: withNumbers(fields, quirks) as Answer['fields'],
	}
}

function findProblem({ isOfBackups, product }: ListAction, parameters: URLSearchParams): string | undefined {
	const instanceField = toInstanceField(product)
	const known = ['regionCode', 'pageNo', 'pageSize', 'responseFormatType']
	if (isOfBackups) known.push(instanceField)
	const names = [...parameters.keys()]
	const wrong = names.find((name) => !known.includes(name) || parameters.getAll(name).length > 1)
	if (wrong !== undefined) return `parameter ${wrong}`
	if (isOfBackups && !parameters.get(instanceField)) return `parameter ${instanceField}`
	if (!['xml', 'json'].includes(parameters.get('responseFormatType') ?? 'xml')) return 'responseFormatType'
	const pageNo = parameters.get('pageNo')
	const pageSize = parameters.get('pageSize')
	if (pageNo !== null && !/^\d{1,9}$/.test(pageNo)) return 'pageNo'
	if (pageNo !== null && pageSize === null) return 'pageSize is required with pageNo'
	if (pageSize !== null && !/^([1-9]\d{0,2}|1000)$/.test(pageSize)) return 'pageSize'
	return undefined
}

/** A row is made when it is sent: a page of ten thousand instances does not write the others. */
type MakeRow = () => object

/** Null when there is no such instance. */
function findRows(
	action: ListAction,
	parameters: URLSearchParams,
	instances: ReadonlyMap<string, Listed>,
	nowMs: number,
	{ offset = '+0900' }: ListQuirks,
): MakeRow[] | null {
	const regionCode = parameters.get('regionCode')
	const isAsked = ({ product = DEFAULT_PATH, ...listed }: Listed): boolean =>
		product === action.product.path && (regionCode === null || listed.regionCode === regionCode)
	const instanceNo = instanceOf(action, parameters)
	const { prefix } = action.product
	if (instanceNo === null)
		return [...instances]
			.filter(([, listed]) => isAsked(listed))
			.map(
				([number, listed]) =>
					() =>
						toInstanceRow(prefix, number, listed),
			)
	const instance = instances.get(instanceNo)
	if (instance === undefined || !isAsked(instance)) return null
	return backupsAt(instance, nowMs).map((backup) => () => toBackupRow(prefix, backup, offset))
}

function toInstanceRow(prefix: string, instanceNo: string, { regionCode, name, status, daily }: Listed) {
	const code = status ?? 'CREAT'
	return {
		[`${prefix}InstanceNo`]: instanceNo,
		[`${prefix}ServiceName`]: name ?? `db-${instanceNo}`,
		[`${prefix}InstanceStatusName`]: code === 'CREAT' ? 'running' : 'deleting',
		[`${prefix}InstanceStatus`]: { code, codeName: `status ${code}` },
		[`${prefix}InstanceOperation`]: { code: 'NULL', codeName: 'NULL OP' },
		isBackup: true,
		backupFileRetentionPeriod: daily?.retentionDays ?? 30,
		backupTime: '02:00',
		[`${prefix}ServerInstanceList`]: [
			{
				[`${prefix}ServerInstanceNo`]: `${instanceNo}1`,
				[`${prefix}ServerName`]: `db-${instanceNo}-001`,
				regionCode,
				dataStorageSize: 10_737_418_240,
			},
		],
	}
}

type Offset = NonNullable<ListQuirks['offset']>

function toBackupRow(
	prefix: string,
	{ fileName, startMs, endMs, isRunning }: SimulatedBackup,
	offset: Offset,
) {
	return {
		fileName,
		startTime: toDate(startMs, offset),
		...(isRunning ? {} : { endTime: toDate(endMs, offset) }),
		backupSize: 571_482_767,
		dataStorageSize: 10_737_418_240,
		...(prefix === 'cloudPostgresql' ? { archivedWalFileSize: 16_777_216 } : {}),
	}
}

function toDate(ms: number, offset: Offset): string {
	const hours = offset === 'Z' ? 0 : 9
	return new Date(ms + hours * 3_600_000).toISOString().slice(0, 19) + offset
}

function toPage<Row>(rows: readonly Row[], parameters: URLSearchParams, quirks: ListQuirks): readonly Row[] {
	const asked = parameters.get('pageSize')
	if (asked === null) return rows.slice(0, quirks.maxUnpaged)
	const { firstPage = 0, repeatedRows = 0, maxPageSize = 1_000 } = quirks
	const size = Math.min(Number(asked), maxPageSize)
	const pageNo = Number(parameters.get('pageNo') ?? firstPage)
	const index = firstPage === 'both' ? Math.max(0, pageNo - 1) : pageNo - firstPage
	return index < 0 ? [] : rows.slice(Math.max(0, index * size - repeatedRows), (index + 1) * size)
}

function toList(rowName: string, rows: readonly object[], { shape, omitsEmpty }: ListQuirks): object {
	if (rows.length === 0 && omitsEmpty) return {}
	const list =
		shape === 'array' ? rows : { [rowName]: shape === 'lone' && rows.length === 1 ? rows[0] : rows }
	return { [`${rowName}List`]: list }
}

function withNumbers(value: unknown, quirks: ListQuirks): unknown {
	const { numbers = 'mixed' } = quirks
	if (Array.isArray(value)) return value.map((each) => withNumbers(each, quirks))
	if (typeof value === 'object' && value !== null)
		return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withNumbers(each, quirks)]))
	if (numbers === 'texts' && typeof value === 'number') return String(value)
	if (numbers === 'numbers' && typeof value === 'string' && /^(0|[1-9]\d{0,14})$/.test(value))
		return Number(value)
	return value
}
