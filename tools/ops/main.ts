import { Command, CommanderError } from 'commander'
import { onInterrupt } from '../terminal/interrupt.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addDoctor } from './commands/doctor.ts'
import { addForget } from './commands/forget.ts'
import { addSend } from './commands/send.ts'
import { addStatus } from './commands/status.ts'
import { addWatch } from './commands/watch.ts'
import { OpsError, OpsUsageError, toWords } from './ops-error.ts'

const EXIT_CODES = `
Exit codes: 0 done; 1 not, or not all, or not found, and the words say why; 2 a mistake in the command;
130 after Ctrl-C. With --json, run it as "npm run --silent ops -- …".`

const interrupted = new AbortController()
// Whoever read us has gone (`| head`): as Ctrl-C, so that nothing is left behind.
process.stdout.on('error', () => interrupted.abort())
onInterrupt().then((exitCode) => {
	process.exitCode = exitCode
	interrupted.abort()
})

const program = new Command('npm run ops --')
	.description(
		'Operates the backup exporter: the local cloud of "npm start", or a deployed stage with --stage.',
	)
	.addHelpText('after', EXIT_CODES)
	.exitOverride()
for (const add of [addSend, addStatus, addWatch, addDeadLetters, addDoctor, addForget]) {
	add(program, interrupted.signal)
}

try {
	await program.parseAsync()
} catch (error) {
	process.exitCode = interrupted.signal.aborted ? process.exitCode : toExitCode(error)
}
// What still waits for an answer waits for nobody.
if (interrupted.signal.aborted) process.exit()

function toExitCode(error: unknown): number {
	// It has said what is wrong already; its own code is 1 for every mistake, and 0 for --help.
	if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
	process.stderr.write(`${error instanceof OpsError ? error.message : toWords(error)}\n`)
	return error instanceof OpsUsageError ? 2 : 1
}
