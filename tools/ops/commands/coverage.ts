import type { Command } from 'commander'
import type { AssessedBackup } from '../../../lib/coverage/assess-backup.ts'
import { type Coverage, toCoverageEvent } from '../../../lib/coverage/coverage-event.ts'
import { type Policy, parsePolicy } from '../../../lib/coverage/policy.ts'
import { PolicyInvalid } from '../../../lib/errors.ts'
import { readPolicies } from '../../coverage/read-policies.ts'
import { UsageError } from '../../terminal/command-line.ts'
import { count } from '../../terminal/count.ts'
import { paintState, toCountsText } from '../../terminal/coverage-row.ts'
import { paint, toPlain } from '../../terminal/outcome-row.ts'
import { startProgressBar } from '../../terminal/progress-bar.ts'
import { type Context, onTarget, print, printColumns, printJson } from '../command.ts'
import { createInspector, type Inspection, type Inspector, type Selection, toReason } from '../coverage.ts'
import { OpsError } from '../ops-error.ts'

interface CoverageOptions {
	policies?: string
	policy?: string
	instance?: string
	bucket?: string
	folder?: string
	product?: string
	regionCode?: string
	export?: boolean
}

const DEFAULT_FILE = 'coverage.yml'

/** The policy of `--instance`. Requests that are sent for it bear this name. */
const BY_HAND = 'by-hand'

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
		.option('--product <name>', 'product (default: postgresql)')
		.option('--region-code <code>', 'regionCode, such as KR')
		.option('--export', 'put a request for each backup that is due on the queue, as the function does')
	onTarget<CoverageOptions>(command, signal, check)
}

async function check(context: Context, options: CoverageOptions): Promise<number> {
	const { target, isJson, signal } = context
	const policies = await toPolicies(options, target.connection.ncpRegionCode)
	const inspector = await createInspector(target)
	try {
		const { selections, isWhole } = await selectAll(policies, inspector)
		const inspections = await inspectAll(selections, inspector, signal)
		const coverages = inspections.flatMap((each) => (each.kind === 'inspected' ? [each.coverage] : []))
		if (isJson) printEvents(coverages)
		else printTables(coverages)
		reportFailures(inspections, signal)
		const isSent = options.export ? await sendAll(coverages, inspector, context) : true
		if (!isJson) printSummary(options, coverages)
		const isDone = isWhole && isSent && coverages.length > 0 && coverages.length === inspections.length
		return isDone && coverages.every(isOut) ? 0 : 1
	} finally {
		inspector.close()
	}
}

async function toPolicies(
	{ policies: path, policy: name, ...own }: CoverageOptions,
	ncpRegionCode: string,
): Promise<Policy[]> {
	const defaults = ncpRegionCode === '' ? {} : { regionCode: ncpRegionCode }
	const { instance, bucket, folder, product, regionCode } = own
	if (instance === undefined) {
		if ([bucket, folder, product, regionCode].some((value) => value !== undefined))
			throw new UsageError('--bucket, --folder, --product and --region-code need --instance.')
		return chosen(await readFileOf(path ?? DEFAULT_FILE, defaults), name, path ?? DEFAULT_FILE)
	}
	if (path !== undefined || name !== undefined)
		throw new UsageError('--instance cannot be combined with --policies or --policy.')
	const fields = { bucketName: bucket, folderPath: folder, product, regionCode }
	const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
	try {
		return [parsePolicy({ name: BY_HAND, instances: [instance], ...given }, defaults)]
	} catch (error) {
		if (error instanceof PolicyInvalid) throw toUsageError(error)
		throw error
	}
}

const OPTIONS: Readonly<Record<string, string>> = {
	instances: '--instance',
	bucketName: '--bucket',
	folderPath: '--folder',
	product: '--product',
	regionCode: '--region-code',
}

function toUsageError({ problems }: PolicyInvalid): UsageError {
	return new UsageError(
		problems.map(({ field, detail }) => `${OPTIONS[field] ?? field} ${detail}`).join('\n'),
	)
}

async function readFileOf(path: string, defaults: Pick<Policy, 'regionCode'>): Promise<Policy[]> {
	try {
		return await readPolicies(path, defaults)
	} catch (error) {
		if (error instanceof PolicyInvalid) {
			const problems = error.problems.map(({ field, detail }) => toPlain(`${field} ${detail}`))
			throw new OpsError(`Nothing was checked: ${path} has problems.\n${problems.join('\n')}`)
		}
		const { code } = error as NodeJS.ErrnoException
		if (code === undefined) throw error
		throw new OpsError(
			`${path} cannot be read (${code}): name a file with --policies, or an instance with --instance and --bucket.`,
		)
	}
}

function chosen(policies: readonly Policy[], name: string | undefined, path: string): Policy[] {
	const wanted = policies.filter((policy) => name === undefined || policy.name === name)
	if (wanted.length > 0) return wanted
	const known = policies.map((policy) => policy.name).join(', ')
	throw new OpsError(
		known === '' ? `${path} holds no policy.` : `${path} has no policy ${name}, but ${known}.`,
	)
}

/** Reports what cannot be selected, and goes on with the other policies. */
async function selectAll(
	policies: readonly Policy[],
	{ select }: Inspector,
): Promise<{ selections: Selection[]; isWhole: boolean }> {
	const selections: Selection[] = []
	let isWhole = true
	const report = (words: string): void => {
		isWhole = false
		process.stderr.write(`${toPlain(words)}\n`)
	}
	for (const policy of policies) {
		try {
			const selection = await select(policy)
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
	const { promise: interrupted, resolve } = Promise.withResolvers<void>()
	signal.addEventListener('abort', () => resolve())
	await Promise.race([Promise.all(Array.from({ length: AT_A_TIME }, work)), interrupted])
	bar.clear()
	return [...results]
}

function reportFailures(inspections: readonly Inspection[], { aborted }: AbortSignal): void {
	if (aborted) {
		const checked = inspections.filter(({ kind }) => kind === 'inspected').length
		process.stderr.write(`Interrupted: ${checked} of ${count(inspections.length, 'instance')} checked.\n`)
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

const STATE_COLUMN = 4

/** A table for each policy. */
function printTables(coverages: readonly Coverage[]): void {
	for (const [policy, own] of Map.groupBy(coverages, (coverage) => coverage.policy)) {
		if (policy.name !== BY_HAND)
			print(paint('bold', `Policy ${policy.name}: ${policy.bucketName}, ${policy.folderPath}`))
		printTable(own)
		print('')
	}
}

function printTable(coverages: readonly Coverage[]): void {
	const backups = coverages.flatMap(({ instanceNo, backups }) =>
		[...backups].sort(byTime).map((backup) => ({ instanceNo, backup })),
	)
	if (backups.length === 0) return
	printColumns(
		[
			['instance', 'file', 'finished', 'size', 'state', 'where or why'],
			...backups.map(({ instanceNo, backup }) => toRow(instanceNo, backup)),
		],
		(text, row, column) => {
			const state = backups[row - 1]?.backup.state
			return state !== undefined && column === STATE_COLUMN ? paintState(state, text) : text
		},
	)
}

function byTime(a: AssessedBackup, b: AssessedBackup): number {
	return (a.endedAtMs ?? Infinity) - (b.endedAtMs ?? Infinity)
}

function toRow(instanceNo: string, backup: AssessedBackup): string[] {
	const { fileName, endedAtMs, sizeBytes, state } = backup
	const finished = endedAtMs === null ? '' : `${new Date(endedAtMs).toISOString().slice(0, 16)}Z`
	return [instanceNo, fileName, finished, sizeBytes === null ? '' : toSize(sizeBytes), state, explain(backup)]
}

/** Where the copy is, or why there is none. */
function explain({ state, proof, entry, request, isTaken }: AssessedBackup): string {
	const exported = entry === null ? '' : `export ${entry.exportId}`
	const error = entry?.event?.data.error
	switch (state) {
		case 'covered':
			return proof === null ? '' : `${proof.key}, ${count(proof.size, 'byte')}`
		case 'under-way':
			return `${exported} is ${entry?.state}`
		case 'due':
			return entry === null
				? 'not in the folder, and no export of it is known'
				: `not in the folder; its last export ended as ${entry.state}`
		case 'gone':
			return `${exported} is completed, but the object is not there any more`
		case 'running':
			return 'the backup has not ended'
		case 'failing':
			if (isTaken) return "its place in the bucket is another instance's"
			if (request === null) return 'a request cannot have this file name'
			return `${exported} is ${entry?.state}${error ? `: ${error.message}` : ''}`
	}
}

function toSize(bytes: number): string {
	const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
	const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
	return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
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
