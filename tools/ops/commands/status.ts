import type { Command } from 'commander'
import { UsageError } from '../../terminal/command-line.ts'
import { count } from '../../terminal/count.ts'
import { toPlain } from '../../terminal/outcome-row.ts'
import { type Context, onTarget, print, printColumns, printJson } from '../command.ts'
import { toRequest } from '../read-requests.ts'
import { findById, findByRequest, toStatus } from '../status.ts'
import { type RequestOptions, toRequestFields, withRequestOptions } from './request-options.ts'

export function addStatus(program: Command, signal: AbortSignal): void {
	const command = withRequestOptions(
		program
			.command('status')
			.argument('[exportId]', 'the id of the export; or give the options of its request')
			.description('the state of one export; exit code 1 when it is not found'),
		{
			folder: 'folderPath of the request, or of FOLDER_PATH if it named none',
			regionCode: 'regionCode (default: that of the stage)',
			key: 'idempotencyKey, if the request had one',
		},
	)
	onTarget<RequestOptions>(command, signal, status)
}

async function status(
	context: Context,
	options: RequestOptions,
	[exportId]: readonly string[],
): Promise<number> {
	const { target, isJson } = context
	if (exportId === undefined && options.instance === undefined)
		throw new UsageError('Name an export by its id, or by --instance, --file and --bucket.')
	const entry =
		exportId === undefined
			? await findByRequest(toRequest(toRequestFields(options)), target)
			: await findById(exportId, target)
	if (entry === null) {
		if (isJson) printJson(null)
		else
			print(
				'No such export: it was never requested, its request is still in the queue, or its record has expired (DEDUPLICATION_HOURS). If the request had an idempotencyKey, add --key; if its copy goes into a folder, add --folder.',
			)
		return 1
	}
	const known = toStatus(entry)
	if (isJson) printJson(known)
	else printStatus(known)
	return 0
}

function printStatus({ outcome, ...known }: ReturnType<typeof toStatus>): void {
	const { reply, error, object, request } = outcome?.data ?? {}
	const all = {
		...known,
		...(request
			? {
					request: Object.entries(request)
						.map(([name, value]) => `${name} ${value}`)
						.join(', '),
				}
			: {}),
		...(reply
			? { reply: `${reply.returnMessage ?? ''} (request ${reply.requestId}, HTTP ${reply.httpStatus})` }
			: {}),
		...(error ? { error: `${error.code}: ${error.message}` } : {}),
		...(object
			? { object: `${object.key}, ${count(object.size, 'byte')}, seen ${object.lastModified}` }
			: {}),
	}
	printColumns(
		Object.entries(all)
			.filter(([, value]) => value !== null)
			.map(([name, value]) => [name, toPlain(String(value))]),
	)
}
