import { type Command, InvalidArgumentError } from 'commander'
import { type PublishedEvent, toPublishedRow } from '../../terminal/coverage-row.ts'
import { tableHead } from '../../terminal/outcome-row.ts'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { watchOutcomes } from '../watch.ts'

interface WatchOptions {
	count?: number
}

export function addWatch(program: Command, signal: AbortSignal): void {
	const command = program
		.command('watch')
		.description(
			'print outcomes and coverage as they are published, until Ctrl-C; creates a queue for this and deletes it at the end',
		)
		.option('--count <number>', 'end after this many events', toCount)
	onTarget<WatchOptions>(command, signal, watch)
}

async function watch(
	{ target, isJson, signal }: Context,
	{ count = Infinity }: WatchOptions,
): Promise<number> {
	const startedMs = Date.now()
	const ids = new Set<string>()
	let left = count
	const onEvent = (event: PublishedEvent): boolean => {
		if (isJson) printJson(event)
		else print(toPublishedRow(event, startedMs, ids.has(event.id)))
		ids.add(event.id)
		return --left > 0
	}
	await watchOutcomes(
		target,
		signal,
		() => {
			if (!isJson) print(`Listening to ${target.name}. Ctrl-C ends it.\n\n${tableHead()}`)
			else process.stderr.write('listening\n')
		},
		onEvent,
	)
	return 0
}

export function toCount(text: string): number {
	if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
	throw new InvalidArgumentError('It must be a whole number from 1 to 9999999.')
}
