import type { Command } from 'commander'
import { paint, toPlain } from '../../terminal/outcome-row.ts'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { type Step, smoke } from '../smoke.ts'
import { toCount } from './watch.ts'

interface SmokeOptions {
	timeout: number
}

const SIDE_EFFECTS = `
NCP refuses the request, so nothing is exported. Subscribers of the topic of outcomes receive one "refused" event, and on a
deployed stage the alarm "refused" fires once. Arrival checks and the webhook are not tried.`

export function addSmoke(program: Command, signal: AbortSignal): void {
	const command = program
		.command('smoke')
		.description(
			'send a request for an instance that does not exist, and wait until NCP has refused it; exit code 1 when anything else happens',
		)
		.option('--timeout <seconds>', 'how long to wait for the outcome', toCount, 60)
		.addHelpText('after', SIDE_EFFECTS)
	onTarget<SmokeOptions>(command, signal, smokeTest)
}

async function smokeTest({ target, isJson, signal }: Context, { timeout }: SmokeOptions): Promise<number> {
	if (!isJson) {
		print(`Sending ${target.name} a request for an instance that does not exist. NCP will refuse it.`)
		print(
			`Subscribers receive one "refused" event${target.isLocal ? '' : '; the alarm "refused" fires once'}.\n`,
		)
	}
	const onStep = (step: Step): void => {
		if (isJson) printJson(step)
		else print(`${step.step.padEnd(9)}  ${toPlain(step.words)}`)
	}
	const verdict = await smoke(target, timeout, signal, onStep)
	if (isJson) printJson(verdict)
	else if (verdict.result === 'ok') print(`\n${paint('green', 'Passed')}: ${toPlain(verdict.words)}.`)
	else print(`\n${paint('red', 'FAILED')}: ${toPlain(verdict.words)}.`)
	return verdict.result === 'ok' ? 0 : 1
}
