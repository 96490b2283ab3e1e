import type { Command } from 'commander'
import { paint, toPlain } from '../../terminal/outcome-row.ts'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { examine, type Finding } from '../doctor.ts'

interface DoctorOptions {
	bucket?: string[]
}

const MARKS = {
	ok: paint('green', 'ok     '),
	warning: paint('yellow', 'look   '),
	failed: paint('red', 'FAILED '),
	skipped: paint('dim', 'skipped'),
} as const satisfies Record<Finding['result'], string>

export function addDoctor(program: Command, signal: AbortSignal): void {
	const command = program
		.command('doctor')
		.description(
			'looks at queues, topic, table, NCP and buckets, changes nothing; exit code 1 when something is broken',
		)
		.option('--bucket <name...>', 'buckets to look into, with NCP’s key pair')
	onTarget<DoctorOptions>(command, signal, diagnose)
}

async function diagnose(
	{ target, isJson, signal }: Context,
	{ bucket = [] }: DoctorOptions,
): Promise<number> {
	if (!isJson) print(`Looking at ${target.name} …`)
	const findings = await examine(target, bucket, signal)
	for (const finding of findings) {
		if (isJson) printJson(finding)
		else print(`${MARKS[finding.result]}  ${finding.check}: ${toPlain(finding.words)}`)
	}
	const count = findings.filter(({ result }) => result === 'failed').length
	const warnings = findings.filter(({ result }) => result === 'warning').length
	if (!isJson) {
		print(count === 0 ? '\nNothing is broken.' : `\n${count} of ${findings.length} are broken.`)
		if (warnings > 0) print(`${warnings} should be looked at.`)
	}
	return count === 0 ? 0 : 1
}
