import type { Command } from 'commander'
import { UsageError } from '../../terminal/command-line.ts'
import { count } from '../../terminal/count.ts'
import { type Context, onTarget, print, printJson, toCommand } from '../command.ts'
import { readRequests, toRequest } from '../read-requests.ts'
import { sendRequests } from '../send.ts'
import { type RequestOptions, toRequestFields, withRequestOptions } from './request-options.ts'

interface SendOptions extends RequestOptions {
	from?: string
}

export function addSend(program: Command, signal: AbortSignal): void {
	const command = withRequestOptions(
		program
			.command('send')
			.description('put requests on the queue; nothing is sent unless all of them are valid'),
		{ folder: 'folderPath', regionCode: 'regionCode, such as KR', key: 'idempotencyKey' },
	).option(
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
		const [first] = unsent
		const sent = first === undefined ? '' : `${all.length - unsent.length} of `
		print(`Sent ${sent}${count(all.length, 'request')} to the queue of ${target.name}.`)
		if (first)
			print(
				`Not sent: ${unsent.length} (${first.reason}). Send all again: a repeated request does not export twice.`,
			)
		else print(`Follow one: ${toCommand(context, 'status --instance … --file … --bucket …')}`)
	}
	return unsent.length === 0 ? 0 : 1
}

async function toRequests({ from, ...options }: SendOptions, signal: AbortSignal) {
	const fields = toRequestFields(options)
	const isFlagged = Object.values(fields).some((value) => value !== undefined)
	if (from !== undefined && isFlagged)
		throw new UsageError('--from cannot be combined with the options of a single request.')
	return from === undefined ? [toRequest(fields)] : readRequests(from, signal)
}
