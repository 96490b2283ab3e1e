import type { Command } from 'commander'
import { toPlain } from '../../terminal/outcome-row.ts'
import { type Context, onTarget, print, printColumns, printJson } from '../command.ts'
import { OpsUsageError } from '../ops-error.ts'
import { toRequest } from '../read-requests.ts'
import { findById, findByRequest, toStatus } from '../status.ts'

interface StatusOptions {
	instance?: string
	file?: string
	bucket?: string
	regionCode?: string
	key?: string
}

export function addStatus(program: Command, signal: AbortSignal): void {
	const command = program
		.command('status')
		.argument('[exportId]', 'the id of an export; or name it by its request:')
		.description('what is known of one export; exit code 1 when nothing is')
		.option('--instance <number>', 'cloudPostgresqlInstanceNo')
		.option('--file <name>', 'fileName')
		.option('--bucket <name>', 'bucketName')
		.option('--region-code <code>', 'regionCode of NCP (default: the stage’s own)')
		.option('--key <text>', 'idempotencyKey, if the request had one')
	onTarget<StatusOptions>(command, signal, status)
}

async function status(
	context: Context,
	options: StatusOptions,
	[exportId]: readonly string[],
): Promise<number> {
	const { target, isJson } = context
	const { instance, file, bucket, regionCode, key } = options
	if (exportId === undefined && instance === undefined)
		throw new OpsUsageError('Name an export by its id, or by --instance, --file and --bucket.')
	const entry =
		exportId === undefined
			? await findByRequest(
					toRequest({
						cloudPostgresqlInstanceNo: instance,
						fileName: file,
						bucketName: bucket,
						regionCode,
						idempotencyKey: key,
					}),
					target,
				)
			: await findById(exportId, target)
	if (entry === null) {
		if (isJson) printJson(null)
		else
			print(
				'No such export: it was never asked for, is still in the queue, or is forgotten (DEDUPLICATION_HOURS). One that was sent with an idempotencyKey is found with --key.',
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
		...(object ? { object: `${object.key}, ${object.size} bytes, seen ${object.lastModified}` } : {}),
	}
	printColumns(
		Object.entries(all)
			.filter(([, value]) => value !== null)
			.map(([name, value]) => [name, toPlain(String(value))]),
	)
}
