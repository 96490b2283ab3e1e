import type { Command } from 'commander'
import { paint, toPlain } from '../../terminal/outcome-row.ts'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { examine } from '../doctor.ts'
import type { Finding } from '../finding.ts'

interface DoctorOptions {
	bucket?: string[]
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
			'check queues, topic, table, NCP and buckets without changing anything; exit code 1 when a check fails',
		)
		.option('--bucket <name...>', 'buckets to check, with the key pair for NCP')
	onTarget<DoctorOptions>(command, signal, diagnose)
}

async function diagnose(
	{ target, isJson, signal }: Context,
	{ bucket = [] }: DoctorOptions,
): Promise<number> {
	if (!isJson) print(`Checking ${target.name} …`)
	const findings = await examine(target, bucket, signal)
	for (const finding of findings) {
		if (isJson) printJson(finding)
		else print(`${MARKS[finding.result]}  ${finding.check}: ${toPlain(finding.words)}`)
	}
	const count = findings.filter(({ result }) => result === 'failed').length
	const warnings = findings.filter(({ result }) => result === 'warning').length
	if (!isJson) {
		print(count === 0 ? '\nNo check failed.' : `\n${count} of ${findings.length} checks failed.`)
		if (warnings > 0) print(`Warnings: ${warnings}.`)
	}
	return count === 0 ? 0 : 1
}
