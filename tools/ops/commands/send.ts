import type { Command } from 'commander'
import { UsageError } from '../../terminal/command-line.ts'
import { type Context, onTarget, print, printJson, toCommand } from '../command.ts'
import { readRequests, toRequest } from '../read-requests.ts'
import { sendRequests } from '../send.ts'

interface SendOptions {
	from?: string
	instance?: string
	file?: string
	bucket?: string
	folder?: string
	regionCode?: string
	key?: string
}

export function addSend(program: Command, signal: AbortSignal): void {
	const command = program
		.command('send')
		.description('put requests on the queue; nothing is sent unless all of them are valid')
		.option('--instance <number>', 'cloudPostgresqlInstanceNo')
		.option('--file <name>', 'fileName')
		.option('--bucket <name>', 'bucketName')
		.option('--folder <path>', 'folderPath')
		.option('--region-code <code>', 'regionCode, such as KR')
		.option('--key <text>', 'idempotencyKey')
		.option(
			'--from <path>',
			'a file with one request, an array of them, or one per line; "-" reads standard input',
		)
	onTarget<SendOptions>(command, signal, send)
}

async function send(context: Context, options: SendOptions): Promise<number> {
	const { target, isJson, signal } = context
	const requests = await toRequests(options, signal)
	const all = await sendRequests(requests, target, signal)
	const unsent = all.filter(({ messageId }) => messageId === null)
	if (isJson) for (const each of all) printJson(each)
	else {
		print(`${all.length - unsent.length} of ${all.length} requests are on the queue of ${target.name}.`)
		const [first] = unsent
		if (first)
			print(
				`${unsent.length} are not (${first.reason}). Send all of them again: a repeated request does not export twice.`,
			)
		else print(`Follow one: ${toCommand(context, 'status --instance … --file … --bucket …')}`)
	}
	return unsent.length === 0 ? 0 : 1
}

async function toRequests(
	{ from, instance, file, bucket, folder, regionCode, key }: SendOptions,
	signal: AbortSignal,
) {
	const fields = {
		cloudPostgresqlInstanceNo: instance,
		fileName: file,
		bucketName: bucket,
		folderPath: folder,
		regionCode,
		idempotencyKey: key,
	}
	const isFlagged = Object.values(fields).some((value) => value !== undefined)
	if (from !== undefined && isFlagged)
		throw new UsageError('--from cannot be combined with the options of a single request.')
	return from === undefined ? [toRequest(fields)] : readRequests(from, signal)
}
