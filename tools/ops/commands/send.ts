import type { Command } from 'commander'
import { type Context, onTarget, print, printJson, toCommand } from '../command.ts'
import { OpsUsageError } from '../ops-error.ts'
import { readRequests, toRequest } from '../read-requests.ts'
import { sendRequests } from '../send.ts'

interface SendOptions {
	from?: string
	instance?: string
	file?: string
	bucket?: string
	regionCode?: string
	key?: string
}

export function addSend(program: Command, signal: AbortSignal): void {
	const command = program
		.command('send')
		.description('put requests on the queue; all are checked first, and nothing is sent when one is wrong')
		.option('--instance <number>', 'cloudPostgresqlInstanceNo')
		.option('--file <name>', 'fileName')
		.option('--bucket <name>', 'bucketName')
		.option('--region-code <code>', 'regionCode of NCP, such as KR')
		.option('--key <text>', 'idempotencyKey')
		.option('--from <path>', 'a file with one request, a list of them, or one a line; "-" is standard input')
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
				`${unsent.length} are not (${first.reason}). Send them all again: one that was sent is the same export.`,
			)
		else print(`What becomes of one: ${toCommand(context, 'status --instance … --file … --bucket …')}`)
	}
	return unsent.length === 0 ? 0 : 1
}

async function toRequests(
	{ from, instance, file, bucket, regionCode, key }: SendOptions,
	signal: AbortSignal,
) {
	const fields = {
		cloudPostgresqlInstanceNo: instance,
		fileName: file,
		bucketName: bucket,
		regionCode,
		idempotencyKey: key,
	}
	const isFlagged = Object.values(fields).some((value) => value !== undefined)
	if (from !== undefined && isFlagged)
		throw new OpsUsageError('--from and the flags of one request exclude each other.')
	return from === undefined ? [toRequest(fields)] : readRequests(from, signal)
}
