import { type Command, Option } from 'commander'
import { startProgressBar } from '../../terminal/progress-bar.ts'
import { type Context, onTarget, print, printColumns, printJson } from '../command.ts'
import {
	DEAD_QUEUES,
	type DeadLetter,
	type DeadQueue,
	redriveDeadLetter,
	releaseDeadLetters,
	takeDeadLetters,
} from '../dead-letters.ts'
import { OpsError, OpsUsageError, toWords } from '../ops-error.ts'
import { toCount } from './watch.ts'

interface DeadLetterOptions {
	queue?: DeadQueue
	limit: number
}

interface RedriveOptions extends DeadLetterOptions {
	all?: boolean
	dryRun?: boolean
	includeRejected?: boolean
}

const DEFAULT_LIMIT = 1_000

export function addDeadLetters(program: Command, signal: AbortSignal): void {
	const group = program
		.command('dead-letters')
		.description('what could not be finished, and why; and bring it back')
	const list = withQueue(group.command('list').description('all dead letters with their reasons'))
	onTarget<DeadLetterOptions>(list, signal, listAll)
	const show = withQueue(
		group.command('show').argument('<messageId>').description('one dead letter with its whole text'),
	)
	onTarget<DeadLetterOptions>(show, signal, showOne)
	const redrive = withQueue(
		group
			.command('redrive')
			.argument('[messageIds...]')
			.description('send dead letters back to where they came from; an exhausted export starts anew')
			.option('--all', 'every one, but those that were rejected')
			.option('--include-rejected', 'with --all: those too, although they will be rejected again')
			.option('--dry-run', 'say what would be done, and do nothing'),
	)
	onTarget<RedriveOptions>(redrive, signal, redriveSome)
}

function withQueue(command: Command): Command {
	return command
		.addOption(new Option('--queue <name>', 'only this queue').choices(DEAD_QUEUES))
		.option('--limit <number>', 'look at so many at most', toCount, DEFAULT_LIMIT)
}

/** What `use` leaves in the set is released again, whatever happens. */
async function withLetters(
	{ queue, limit }: DeadLetterOptions,
	{ target }: Context,
	use: (letters: Set<DeadLetter>) => Promise<number>,
): Promise<number> {
	const found = await takeDeadLetters(queue === undefined ? DEAD_QUEUES : [queue], limit, target)
	const letters = new Set(found)
	try {
		if (found.length === limit) process.stderr.write(`There may be more than ${limit}: see --limit.\n`)
		return await use(letters)
	} finally {
		await releaseDeadLetters([...letters], target)
	}
}

async function listAll(context: Context, options: DeadLetterOptions): Promise<number> {
	return withLetters(options, context, async (letters) => {
		if (context.isJson) for (const letter of letters) printJson(toPublic(letter))
		else if (letters.size === 0) print(`There are no dead letters in ${context.target.name}.`)
		else {
			printColumns([['message', 'queue', 'sent', 'why'], ...[...letters].map(toRow)])
			print(
				'\nNext: "dead-letters show <message>" for its text, "dead-letters redrive --all --dry-run" to bring them back.',
			)
		}
		return 0
	})
}

async function showOne(
	context: Context,
	options: DeadLetterOptions,
	[id]: readonly string[],
): Promise<number> {
	return withLetters(options, context, async (letters) => {
		const letter = [...letters].find(({ messageId }) => messageId === id)
		if (letter === undefined) throw new OpsError(`There is no dead letter ${id}.`)
		if (context.isJson) printJson(toPublic(letter))
		else {
			const { code, reason, ...rest } = toPublic(letter)
			printColumns(
				Object.entries({ ...rest, why: `${code}: ${reason}` }).map(([name, value]) => [name, String(value)]),
			)
		}
		return 0
	})
}

async function redriveSome(
	context: Context,
	options: RedriveOptions,
	ids: readonly string[],
): Promise<number> {
	if (ids.length > 0 === (options.all ?? false)) throw new OpsUsageError('Name message ids, or give --all.')
	return withLetters(options, context, async (letters) => {
		const all = [...letters]
		const wanted = all.filter((letter) => isWanted(letter, options, ids))
		const failures = ids
			.filter((id) => !all.some(({ messageId }) => messageId === id))
			.map((messageId) => ({ messageId, reason: 'there is no such dead letter' }))
		const redriven = {
			wanted,
			done: [] as string[],
			failures,
			skipped: all.length - wanted.length,
		}
		if (!options.dryRun) await redriveEach(wanted, letters, redriven, context)
		report(context, options, redriven)
		if (context.signal.aborted) return 130
		return failures.length === 0 ? 0 : 1
	})
}

interface Redriven {
	wanted: readonly DeadLetter[]
	done: string[]
	failures: { messageId: string; reason: string }[]
	skipped: number
}

/** What is back in its queue is taken out of `letters`: it must not be released. */
async function redriveEach(
	wanted: readonly DeadLetter[],
	letters: Set<DeadLetter>,
	{ done, failures }: Redriven,
	{ target, signal }: Context,
): Promise<void> {
	const bar = startProgressBar(wanted.length)
	for (const letter of wanted) {
		if (signal.aborted) break
		try {
			await redriveDeadLetter(letter, target)
			letters.delete(letter)
			done.push(letter.messageId)
			bar.update(done.length)
		} catch (error) {
			failures.push({ messageId: letter.messageId, reason: toWords(error) })
		}
	}
	bar.clear()
}

function report(
	{ target, isJson }: Context,
	{ dryRun, all }: RedriveOptions,
	{ wanted, done, failures, skipped }: Redriven,
): void {
	if (isJson) {
		printJson({ redriven: done, wanted: wanted.map(({ messageId }) => messageId), failures, skipped })
		return
	}
	if (dryRun) {
		for (const { messageId, queue, code } of wanted)
			print(`would redrive ${messageId} to ${toSource(queue)} (${code})`)
		print(`${wanted.length} would be redriven; nothing was done.`)
	} else print(`${done.length} of ${wanted.length} dead letters of ${target.name} are back in their queues.`)
	if (all && skipped > 0)
		print(
			`${skipped} stay: they were rejected, and would be again. Mend and send them anew, or give --include-rejected.`,
		)
	for (const { messageId, reason } of failures) print(`${messageId}: ${reason}`)
}

const toSource = (queue: DeadQueue): string =>
	queue === 'arrivals' ? 'the arrival queue' : 'the request queue'

function isWanted(letter: DeadLetter, options: RedriveOptions, ids: readonly string[]): boolean {
	if (ids.length > 0) return ids.includes(letter.messageId)
	return options.includeRejected === true || !letter.isHopeless
}

function toRow({ messageId, queue, sentAt, code, reason }: DeadLetter): string[] {
	return [messageId, queue, sentAt, `${code}: ${reason}`]
}

/** Without what only SQS needs. */
function toPublic({ receiptHandle: _receipt, attributes: _attributes, ...rest }: DeadLetter) {
	return rest
}
