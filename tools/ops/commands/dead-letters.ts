import { type Command, Option } from 'commander'
import { UsageError } from '../../terminal/command-line.ts'
import { count } from '../../terminal/count.ts'
import { toPlain } from '../../terminal/outcome-row.ts'
import { startProgressBar } from '../../terminal/progress-bar.ts'
import { type Context, onTarget, print, printColumns, printJson, toCommand } from '../command.ts'
import {
	countHidden,
	DEAD_QUEUES,
	type DeadLetter,
	type DeadQueue,
	discardDeadLetter,
	isNamed,
	redriveDeadLetter,
	releaseDeadLetters,
	takeDeadLetters,
	type UnreadableQueue,
	WORK_MS,
} from '../dead-letters.ts'
import { OpsError, toMessage } from '../ops-error.ts'
import type { Target } from '../target.ts'
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

interface DiscardOptions extends DeadLetterOptions {
	rejected?: boolean
	dryRun?: boolean
}

const DEFAULT_LIMIT = 1_000

const NAMED = 'the id of a dead letter, or of the rejected message that it is a copy of'

export function addDeadLetters(program: Command, signal: AbortSignal): void {
	const group = program
		.command('dead-letters')
		.description('messages that could not be processed, and why; send them back, or delete them')
	const list = withQueue(group.command('list').description('all dead letters with their reasons'))
	onTarget<DeadLetterOptions>(list, signal, listAll)
	const show = withQueue(
		group.command('show').argument('<messageId>', NAMED).description('one dead letter with its body'),
	)
	onTarget<DeadLetterOptions>(show, signal, showOne)
	const redrive = withQueue(
		group
			.command('redrive')
			.argument('[messageIds...]', NAMED)
			.description('send dead letters back to their source queue; an exhausted export starts over')
			.option('--all', 'all dead letters except rejected ones')
			.option('--include-rejected', 'with --all: rejected ones too, although they will be rejected again')
			.option('--dry-run', 'print what would be sent, and send nothing'),
	)
	onTarget<RedriveOptions>(redrive, signal, redriveSome)
	const discard = withQueue(
		group
			.command('discard')
			.argument('[messageIds...]', NAMED)
			.description('delete dead letters for good')
			.option('--rejected', 'all rejected ones: they can never succeed as they are')
			.option('--dry-run', 'print what would be deleted, and delete nothing'),
	)
	onTarget<DiscardOptions>(discard, signal, discardSome)
}

function withQueue(command: Command): Command {
	return command
		.addOption(new Option('--queue <name>', 'only this queue').choices(DEAD_QUEUES))
		.option('--limit <number>', 'read at most this many', toCount, DEFAULT_LIMIT)
}

/**
 * Runs `use` on the letters of all queues that can be read, and resolves with the exit code: its own, or 1 when a queue
 * could not be read. Letters that `use` leaves in the set are released.
 */
async function withLetters(
	{ queue, limit }: DeadLetterOptions,
	{ target, signal }: Context,
	use: (letters: Set<DeadLetter>, unreadable: readonly UnreadableQueue[]) => Promise<number>,
): Promise<number> {
	const queues = queue === undefined ? DEAD_QUEUES : [queue]
	const letters = new Set<DeadLetter>()
	try {
		const unreadable = await takeDeadLetters(letters, queues, limit, target, signal)
		for (const { queue, reason } of unreadable)
			process.stderr.write(`The dead letters of ${queue} cannot be read: ${reason}\n`)
		if (letters.size === limit)
			process.stderr.write(`There may be more than ${count(limit, 'dead letter')}; see --limit.\n`)
		const readable = queues.filter((name) => !unreadable.some(({ queue }) => queue === name))
		const hidden = letters.size === 0 ? await countHidden(readable, target) : 0
		if (hidden > 0)
			throw new OpsError(
				`Another command is reading ${count(hidden, 'dead letter')}: try again in five minutes.`,
			)
		const exitCode = await use(letters, unreadable)
		return unreadable.length === 0 ? exitCode : 1
	} finally {
		await releaseDeadLetters([...letters], target)
	}
}

async function listAll(context: Context, options: DeadLetterOptions): Promise<number> {
	return withLetters(options, context, async (letters, unreadable) => {
		if (context.isJson) for (const letter of letters) printJson(toPublic(letter))
		else if (letters.size > 0) {
			printColumns([['message', 'copy of', 'queue', 'sent', 'why'], ...[...letters].map(toRow)])
			print(`
Show one:        ${toCommand(context, 'dead-letters show <message>')}
Send them back:  ${toCommand(context, 'dead-letters redrive --all')}  (first with --dry-run)
Delete one:      ${toCommand(context, 'dead-letters discard <message>')}`)
		} else if (unreadable.length === 0) print(`There are no dead letters in ${context.target.name}.`)
		return 0
	})
}

async function showOne(
	context: Context,
	options: DeadLetterOptions,
	[id]: readonly string[],
): Promise<number> {
	return withLetters(options, context, async (letters, unreadable) => {
		const letter = [...letters].find((each) => isNamed(each, id))
		if (letter === undefined) {
			const where = unreadable.length === 0 ? context.target.name : 'the queues that could be read'
			throw new OpsError(`There is no dead letter ${id} in ${where}.`)
		}
		if (context.isJson) printJson(toPublic(letter))
		else {
			const { code, reason, ...rest } = toPublic(letter)
			printColumns(
				Object.entries({ ...rest, why: `${code}: ${reason}` })
					.filter(([, value]) => value !== null)
					.map(([name, value]) => [name, String(value)]),
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
	if (ids.length > 0 === (options.all ?? false)) throw new UsageError('Name message ids, or give --all.')
	const isWanted = ({ isRejected }: DeadLetter): boolean => options.includeRejected === true || !isRejected
	return eachLetter(context, options, { ids, isWanted, apply: redriveDeadLetter, report: reportRedriven })
}

async function discardSome(
	context: Context,
	options: DiscardOptions,
	ids: readonly string[],
): Promise<number> {
	if (ids.length > 0 === (options.rejected ?? false))
		throw new UsageError('Name message ids, or give --rejected.')
	const isWanted = ({ isRejected }: DeadLetter): boolean => isRejected
	return eachLetter(context, options, { ids, isWanted, apply: discardDeadLetter, report: reportDiscarded })
}

interface Work<Options> {
	/** The letters to work on. Empty: all letters for which `isWanted` is true. */
	ids: readonly string[]
	isWanted: (letter: DeadLetter) => boolean
	/** Afterwards the letter is no longer in the dead-letter queue. */
	apply: (letter: DeadLetter, target: Target) => Promise<void>
	report: (context: Context, options: Options, result: Result) => void
}

interface Result {
	wanted: readonly DeadLetter[]
	done: string[]
	failures: { messageId: string; reason: string }[]
	/** The number of letters that were not wanted. */
	left: number
}

async function eachLetter<Options extends DeadLetterOptions & { dryRun?: boolean }>(
	context: Context,
	options: Options,
	{ ids, isWanted, apply, report }: Work<Options>,
): Promise<number> {
	return withLetters(options, context, async (letters) => {
		const all = [...letters]
		const wanted = all.filter((each) =>
			ids.length > 0 ? ids.some((id) => isNamed(each, id)) : isWanted(each),
		)
		const failures = ids
			.filter((id) => !all.some((each) => isNamed(each, id)))
			.map((messageId) => ({
				messageId,
				reason: 'there is no such dead letter, or another command is reading it',
			}))
		const result: Result = { wanted, done: [], failures, left: all.length - wanted.length }
		if (!options.dryRun) await applyToEach(letters, result, apply, context)
		if (context.isJson) {
			const { done, left } = result
			printJson({ done, wanted: wanted.map(({ messageId }) => messageId), failures, left })
		} else report(context, options, result)
		for (const { messageId, reason } of failures) process.stderr.write(`${messageId}: ${reason}\n`)
		// Letters that were not reached in time are released; the operator runs the command again.
		return failures.length === 0 && (options.dryRun || result.done.length === wanted.length) ? 0 : 1
	})
}

/** Removes each finished letter from `letters`: it is no longer in the queue and must not be released. */
async function applyToEach(
	letters: Set<DeadLetter>,
	{ wanted, done, failures }: Result,
	apply: Work<object>['apply'],
	{ target, signal }: Context,
): Promise<void> {
	const bar = startProgressBar(wanted.length)
	const endsAtMs = performance.now() + WORK_MS
	for (const letter of wanted) {
		if (signal.aborted || performance.now() > endsAtMs) break
		try {
			await apply(letter, target)
			letters.delete(letter)
			done.push(letter.messageId)
			bar.update(done.length)
		} catch (error) {
			failures.push({ messageId: letter.messageId, reason: toMessage(error) })
		}
	}
	bar.clear()
}

function reportRedriven(
	{ target }: Context,
	{ dryRun, all }: RedriveOptions,
	{ wanted, done, left }: Result,
): void {
	if (dryRun) {
		for (const { messageId, queue, code } of wanted)
			print(toPlain(`would redrive ${messageId} to ${SOURCES[queue]} (${code})`))
		print(`Nothing was done. Would be redriven: ${count(wanted.length, 'dead letter')}.`)
	} else
		print(`Back in their queues: ${done.length} of ${count(wanted.length, 'dead letter')} of ${target.name}.`)
	const rejected = wanted.filter(({ isRejected }) => isRejected).length
	if (rejected > 0) print(`Of these, rejected before and to be rejected again: ${rejected}.`)
	if (all && left > 0) print(`Rejected ones that stay: ${left}. Send corrected requests, then discard these.`)
}

function reportDiscarded({ target }: Context, { dryRun }: DiscardOptions, { wanted, done }: Result): void {
	if (dryRun) {
		for (const { messageId, code } of wanted) print(toPlain(`would delete ${messageId} (${code})`))
		print(`Nothing was done. Would be deleted: ${count(wanted.length, 'dead letter')}.`)
	} else print(`Deleted: ${done.length} of ${count(wanted.length, 'dead letter')} of ${target.name}.`)
}

const SOURCES: Readonly<Record<DeadQueue, string>> = {
	requests: 'the request queue',
	arrivals: 'the arrival queue',
	coverage: 'the coverage queue',
	pipeline: 'the request queue',
}

function toRow({ messageId, originalMessageId, queue, sentAt, code, reason }: DeadLetter): string[] {
	return [messageId, originalMessageId ?? '-', queue, sentAt, `${code}: ${reason}`]
}

/** Without the fields that only SQS needs. */
function toPublic({ receiptHandle: _receipt, attributes: _attributes, isRejected, ...rest }: DeadLetter) {
	return { ...rest, rejected: isRejected }
}
