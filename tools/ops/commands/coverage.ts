import type { Command } from 'commander'
import { type Coverage, toCoverageEvent } from '../../../lib/coverage/coverage-event.ts'
import type { Policy } from '../../../lib/coverage/policy.ts'
import { DEFAULT_PRODUCT, LISTED_PRODUCTS } from '../../../lib/products.ts'
import { count } from '../../terminal/count.ts'
import { toCountsText } from '../../terminal/coverage-row.ts'
import { toPlain } from '../../terminal/outcome-row.ts'
import { startProgressBar } from '../../terminal/progress-bar.ts'
import { choosePolicies, DEFAULT_FILE, type PolicyOptions } from '../choose-policies.ts'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { createInspector, type Inspection, type Inspector, type Selection, toReason } from '../coverage.ts'
import { printCoverage } from '../coverage-table.ts'

interface CoverageOptions extends PolicyOptions {
	export?: boolean
}

/** Instances that are checked at a time: NCP throttles, and each reads up to ten exports at a time. */
const AT_A_TIME = 5

export function addCoverage(program: Command, signal: AbortSignal): void {
	const command = program
		.command('coverage')
		.description(
			'which backups are in the bucket, for the policies of a file or for one instance; exit code 1 when one is due, ' +
				'failing or gone, or an instance cannot be checked',
		)
		.option('--policies <path>', `a file with policies (default: ${DEFAULT_FILE})`)
		.option('--policy <name>', 'only this policy of the file')
		.option('--instance <number>', 'one instance instead of a file, with --bucket')
		.option('--bucket <name>', 'bucketName')
		.option('--folder <path>', 'folderPath (default: {instanceNo}/)')
		.option('--product <name>', `${LISTED_PRODUCTS.join(' or ')} (default: ${DEFAULT_PRODUCT})`)
		.option('--region-code <code>', 'regionCode, such as KR')
		.option(
			'--export',
			'put a request for each backup that is due on the queue, as the function does; the exit code says what was found before',
		)
	onTarget<CoverageOptions>(command, signal, check)
}

async function check(context: Context, options: CoverageOptions): Promise<number> {
	const { target, isJson, signal } = context
	const policies = await choosePolicies(options, target.connection.ncpRegionCode)
	const inspector = await createInspector(target)
	try {
		const { selections, isWhole } = await selectAll(policies, inspector, signal)
		const inspections = await inspectAll(selections, inspector, signal)
		const coverages = inspections.flatMap((each) => (each.kind === 'inspected' ? [each.coverage] : []))
		if (isJson) printEvents(coverages)
		else printCoverage(coverages)
		reportFailures(inspections, signal)
		const isSent = options.export ? await sendAll(coverages, inspector, context) : true
		if (!isJson) printSummary(options, coverages)
		const isDone = isWhole && isSent && coverages.length > 0 && coverages.length === inspections.length
		return isDone && coverages.every(isOut) ? 0 : 1
	} finally {
		inspector.close()
	}
}

/** Reports what cannot be selected, and goes on with the other policies, unless the signal is raised. */
async function selectAll(
	policies: readonly Policy[],
	{ select }: Inspector,
	signal: AbortSignal,
): Promise<{ selections: Selection[]; isWhole: boolean }> {
	const selections: Selection[] = []
	let isWhole = true
	const report = (words: string): void => {
		isWhole = false
		process.stderr.write(`${toPlain(words)}\n`)
	}
	const interrupted = onAbort(signal)
	for (const policy of policies) {
		try {
			const selection = await Promise.race([select(policy), interrupted])
			if (selection === null) break
			const { instanceNos, missing } = selection
			const where = policy.regionCode === undefined ? '' : ` in region ${policy.regionCode}`
			for (const instanceNo of missing)
				report(`Policy ${policy.name}: NCP lists no running instance ${instanceNo}${where}.`)
			if (instanceNos.length === 0 && missing.length === 0)
				report(`Policy ${policy.name}: NCP lists no running instance${where}.`)
			selections.push(selection)
		} catch (error) {
			report(`Policy ${policy.name}: the instances cannot be listed: ${toReason(error)}`)
		}
	}
	return { selections, isWhole }
}

/** Some at a time, in order. Once the signal is raised, no more are begun, and those under way are not waited for. */
async function inspectAll(
	selections: readonly Selection[],
	{ inspect }: Inspector,
	signal: AbortSignal,
): Promise<Inspection[]> {
	const all = selections.flatMap(({ policy, instanceNos }) =>
		instanceNos.map((instanceNo) => ({ policy, instanceNo })),
	)
	const results: Inspection[] = all.map((each) => ({ ...each, kind: 'failed', reason: 'interrupted' }))
	const bar = startProgressBar(all.length)
	let done = 0
	const left = [...all.entries()].reverse()
	const work = async (): Promise<void> => {
		for (let next = left.pop(); next !== undefined && !signal.aborted; next = left.pop()) {
			const [index, { policy, instanceNo }] = next
			results[index] = await inspect(policy, instanceNo)
			bar.update(++done)
		}
	}
	await Promise.race([Promise.all(Array.from({ length: AT_A_TIME }, work)), onAbort(signal)])
	bar.clear()
	return [...results]
}

function onAbort(signal: AbortSignal): Promise<null> {
	const { promise, resolve } = Promise.withResolvers<null>()
	if (signal.aborted) resolve(null)
	else signal.addEventListener('abort', () => resolve(null))
	return promise
}

function reportFailures(inspections: readonly Inspection[], { aborted }: AbortSignal): void {
	if (aborted) {
		const checked = inspections.filter(({ kind }) => kind === 'inspected').length
		const words = `: ${checked} of ${count(inspections.length, 'instance')} checked`
		process.stderr.write(`Interrupted${checked === 0 ? ' before any instance was checked' : words}.\n`)
		return
	}
	for (const inspection of inspections) {
		if (inspection.kind !== 'failed') continue
		const { policy, instanceNo, reason } = inspection
		process.stderr.write(
			`${toPlain(`Instance ${instanceNo} (policy ${policy.name}) not checked: ${reason}`)}\n`,
		)
	}
}

function printEvents(coverages: readonly Coverage[]): void {
	const checkedAt = new Date().toISOString()
	for (const coverage of coverages) printJson(toCoverageEvent(coverage, checkedAt).data)
}

/** False when some could not be sent. */
async function sendAll(
	coverages: readonly Coverage[],
	{ send }: Inspector,
	{ target, isJson, signal }: Context,
): Promise<boolean> {
	let sent = 0
	try {
		for (const coverage of coverages) if (!signal.aborted) sent += await send(coverage)
		return !signal.aborted
	} catch (error) {
		process.stderr.write(
			`${toPlain(`Not all is sent: ${toReason(error)}`)}. Run it again: a repeated request does not export twice.\n`,
		)
		return false
	} finally {
		const words = `Sent ${count(sent, 'request')} to the queue of ${target.name}.`
		if (isJson) process.stderr.write(`${words}\n`)
		else print(`${words}\n`)
	}
}

function printSummary(options: CoverageOptions, coverages: readonly Coverage[]): void {
	if (coverages.length === 0) return
	const events = coverages.map((coverage) => toCoverageEvent(coverage, '').data)
	const unknown = coverages.reduce((sum, { unknownObjects }) => sum + unknownObjects, 0)
	print(`${count(coverages.length, 'instance')}, ${toCountsText(events.map(({ counts }) => counts))}.`)
	if (unknown > 0) print(`${count(unknown, 'object')} in the folders: no listed backup has that name.`)
	if (!options.export && events.some(({ counts }) => counts.due > 0))
		print('To export what is due, add --export.')
}

function isOut({ backups }: Coverage): boolean {
	return backups.every(({ state }) => state !== 'due' && state !== 'failing' && state !== 'gone')
}
