import { type Command, Option } from 'commander'
import { toPlain } from '../../terminal/outcome-row.ts'
import { startProgressBar } from '../../terminal/progress-bar.ts'
import { type Context, onTarget, print, printColumns, printJson, toCommand } from '../command.ts'
import {
	countHidden,
	DEAD_QUEUES,
	type DeadLetter,
	type DeadQueue,
	discardDeadLetter,
	redriveDeadLetter,
	releaseDeadLetters,
	takeDeadLetters,
	WORK_MS,
} from '../dead-letters.ts'
import { OpsError, OpsUsageError, toWords } from '../ops-error.ts'
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
	const discard = withQueue(
		group
			.command('discard')
			.argument('[messageIds...]')
			.description('delete dead letters for good')
			.option('--rejected', 'every one that was rejected: as it is, it can never be carried out')
			.option('--dry-run', 'say what would be deleted, and do nothing'),
	)
	onTarget<DiscardOptions>(discard, signal, discardSome)
}

function withQueue(command: Command): Command {
	return command
		.addOption(new Option('--queue <name>', 'only this queue').choices(DEAD_QUEUES))
		.option('--limit <number>', 'look at so many at most', toCount, DEFAULT_LIMIT)
}

/** What `use` leaves in the set is released again, whatever happens. */
async function withLetters(
	{ queue, limit }: DeadLetterOptions,
	{ target, signal }: Context,
	use: (letters: Set<DeadLetter>) => Promise<number>,
): Promise<number> {
	const queues = queue === undefined ? DEAD_QUEUES : [queue]
	const letters = new Set<DeadLetter>()
	try {
		await takeDeadLetters(letters, queues, limit, target, signal)
		if (letters.size === limit) process.stderr.write(`There may be more than ${limit}: see --limit.\n`)
		const hidden = letters.size === 0 ? await countHidden(queues, target) : 0
		if (hidden > 0)
			throw new OpsError(
				`${hidden} dead letters are in the hands of another command: try again in five minutes.`,
			)
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
			print(`
The text of one:   ${toCommand(context, 'dead-letters show <message>')}
Bring them back:   ${toCommand(context, 'dead-letters redrive --all')}  (first with --dry-run)
Take them away:    ${toCommand(context, 'dead-letters discard <message>')}`)
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
	const isWanted = ({ isHopeless }: DeadLetter): boolean => options.includeRejected === true || !isHopeless
	return eachLetter(context, options, { ids, isWanted, apply: redriveDeadLetter, report: reportRedriven })
}

async function discardSome(
	context: Context,
	options: DiscardOptions,
	ids: readonly string[],
): Promise<number> {
	if (ids.length > 0 === (options.rejected ?? false))
		throw new OpsUsageError('Name message ids, or give --rejected.')
	const isWanted = ({ isHopeless }: DeadLetter): boolean => isHopeless
	return eachLetter(context, options, { ids, isWanted, apply: discardDeadLetter, report: reportDiscarded })
}

interface Work<Options> {
	/** These; none = all that are wanted. */
	ids: readonly string[]
	isWanted: (letter: DeadLetter) => boolean
	/** Does it to one; afterwards it is no longer in the queue. */
	apply: (letter: DeadLetter, target: Target) => Promise<void>
	report: (context: Context, options: Options, result: Result) => void
}

interface Result {
	wanted: readonly DeadLetter[]
	done: string[]
	failures: { messageId: string; reason: string }[]
	/** How many were there and not wanted. */
	left: number
}

async function eachLetter<Options extends DeadLetterOptions & { dryRun?: boolean }>(
	context: Context,
	options: Options,
	{ ids, isWanted, apply, report }: Work<Options>,
): Promise<number> {
	return withLetters(options, context, async (letters) => {
		const all = [...letters]
		const wanted = all.filter((each) => (ids.length > 0 ? ids.includes(each.messageId) : isWanted(each)))
		const failures = ids
			.filter((id) => !all.some(({ messageId }) => messageId === id))
			.map((messageId) => ({ messageId, reason: 'there is no such dead letter, or somebody is at it' }))
		const result: Result = { wanted, done: [], failures, left: all.length - wanted.length }
		if (!options.dryRun) await applyToEach(letters, result, apply, context)
		if (context.isJson) {
			const { done, left } = result
			printJson({ done, wanted: wanted.map(({ messageId }) => messageId), failures, left })
		} else report(context, options, result)
		for (const { messageId, reason } of failures) process.stderr.write(`${messageId}: ${reason}\n`)
		// What was not reached in time is released, and another run takes it.
		return failures.length === 0 && (options.dryRun || result.done.length === wanted.length) ? 0 : 1
	})
}

/** What is done with is taken out of `letters`: it must not be released. */
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
			failures.push({ messageId: letter.messageId, reason: toWords(error) })
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
			print(toPlain(`would redrive ${messageId} to ${toSource(queue)} (${code})`))
		print(`${wanted.length} would be redriven; nothing was done.`)
	} else print(`${done.length} of ${wanted.length} dead letters of ${target.name} are back in their queues.`)
	const hopeless = wanted.filter(({ isHopeless }) => isHopeless).length
	if (hopeless > 0) print(`${hopeless} of them were rejected, and will be again.`)
	if (all && left > 0)
		print(`${left} stay: they were rejected, and would be again. Mend and send them anew, and discard these.`)
}

function reportDiscarded({ target }: Context, { dryRun }: DiscardOptions, { wanted, done }: Result): void {
	if (dryRun) {
		for (const { messageId, code } of wanted) print(toPlain(`would delete ${messageId} (${code})`))
		print(`${wanted.length} would be deleted; nothing was done.`)
	} else print(`${done.length} of ${wanted.length} dead letters of ${target.name} are deleted.`)
}

const toSource = (queue: DeadQueue): string =>
	queue === 'arrivals' ? 'the arrival queue' : 'the request queue'

function toRow({ messageId, queue, sentAt, code, reason }: DeadLetter): string[] {
	return [messageId, queue, sentAt, `${code}: ${reason}`]
}

/** Without what only SQS needs. */
function toPublic({ receiptHandle: _receipt, attributes: _attributes, isHopeless, ...rest }: DeadLetter) {
	return { ...rest, rejected: isHopeless }
}
