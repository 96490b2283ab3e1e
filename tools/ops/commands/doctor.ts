import { type Command, Option } from 'commander'
import { defaultOf } from '../../template/defaults.ts'
import { BUCKET_ZONE_NAMES } from '../../template/zones.ts'
import { UsageError } from '../../terminal/command-line.ts'
import { count } from '../../terminal/count.ts'
import { paint, toPlain } from '../../terminal/outcome-row.ts'
import { examineBeforeDeploy, type PlanOptions, planDeploy } from '../before-deploy.ts'
import { createClients } from '../clients.ts'
import { type Given, onCommand, print, printJson } from '../command.ts'
import { examine, examineWithout } from '../doctor.ts'
import type { Finding } from '../finding.ts'
import { NeedFailed } from '../run-checks.ts'
import { findTarget, toRegion } from '../target.ts'

interface DoctorOptions extends PlanOptions {
	bucket?: string[]
	beforeDeploy?: boolean
}

const MARKS = {
	ok: paint('green', 'ok     '),
	warning: paint('yellow', 'warning'),
	failed: paint('red', 'FAILED '),
	skipped: paint('dim', 'skipped'),
} as const satisfies Record<Finding['result'], string>

export function addDoctor(program: Command, signal: AbortSignal): void {
	const command = program
		.command('doctor')
		.description(
			'check queues, topics, table, alarms, NCP and buckets without changing anything; exit code 1 when a check fails',
		)
		.option('--bucket <name...>', 'buckets to check, with the key pair for NCP')
		.option(
			'--before-deploy',
			'check what a deploy needs; no stage needs to exist, and no local cloud to run',
		)
		.option('--secret <name>', `with --before-deploy: secretId (default: ${defaultOf('secretId')})`)
		.addOption(
			new Option(
				'--bucket-zone <name>',
				`with --before-deploy: bucketZone (default: ${defaultOf('bucketZone')})`,
			).choices(BUCKET_ZONE_NAMES),
		)
		.option('--region-code <code>', `with --before-deploy: regionCode (default: ${defaultOf('regionCode')})`)
	onCommand<DoctorOptions>(command, signal, diagnose)
}

async function diagnose(given: Given, options: DoctorOptions): Promise<number> {
	checkOptions(given, options)
	const findings = await (options.beforeDeploy ? lookAhead : lookAt)(given, options)
	if (given.isJson) for (const finding of findings) printJson(finding)
	else report(findings)
	return findings.some(({ result }) => result === 'failed') ? 1 : 0
}

function checkOptions({ stage }: Given, options: DoctorOptions): void {
	const { beforeDeploy, secret, bucketZone, regionCode } = options
	if (beforeDeploy && stage !== undefined)
		throw new UsageError('--before-deploy cannot be combined with --stage: it checks what no stage has yet.')
	const isMisplaced = [secret, bucketZone, regionCode].some((value) => value !== undefined)
	if (!beforeDeploy && isMisplaced)
		throw new UsageError(
			'--secret, --bucket-zone and --region-code need --before-deploy: a stage has its own.',
		)
}

async function lookAhead({ region, isJson, signal }: Given, options: DoctorOptions): Promise<Finding[]> {
	const plan = planDeploy(toRegion(region), options, process.env)
	if (!isJson) print(`Checking what a deploy to ${plan.region} needs …`)
	return examineBeforeDeploy(plan, createClients({ region: plan.region }), options.bucket ?? [], signal)
}

async function lookAt(given: Given, { bucket = [] }: DoctorOptions): Promise<Finding[]> {
	const { stage, isJson, signal } = given
	const target = await findTarget(given).catch((error) => {
		if (stage === undefined) throw error
		return new NeedFailed('stack', error)
	})
	if (target instanceof NeedFailed) return examineWithout(target, bucket, signal)
	if (!isJson) print(`Checking ${target.name} …`)
	return examine(target, bucket, signal)
}

function report(findings: readonly Finding[]): void {
	const indent = ' '.repeat(9)
	for (const { check, result, words, unchecked = [] } of findings) {
		print(`${MARKS[result]}  ${check}: ${toPlain(words)}`)
		if (unchecked.length > 0) print(`${indent}Not checked because of it: ${toPlain(unchecked.join(', '))}.`)
	}
	const countOf = (which: Finding['result']): number =>
		findings.filter(({ result }) => result === which).length
	const unmade = findings.flatMap(({ unchecked = [] }) => unchecked).length
	const made = unmade === 0 ? '' : ` ${unmade} more could not be made.`
	print(
		countOf('failed') === 0
			? '\nNo check failed.'
			: `\n${countOf('failed')} of ${count(findings.length, 'check')} failed.${made}`,
	)
	if (countOf('warning') > 0) print(`Warnings: ${countOf('warning')}.`)
}
