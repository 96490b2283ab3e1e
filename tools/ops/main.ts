import { createProgram, reportError } from '../terminal/command-line.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { addCoverage } from './commands/coverage.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addDoctor } from './commands/doctor.ts'
import { addForget } from './commands/forget.ts'
import { addSend } from './commands/send.ts'
import { addSmoke } from './commands/smoke.ts'
import { addStatus } from './commands/status.ts'
import { addWatch } from './commands/watch.ts'
import { toMessage } from './ops-error.ts'

const EXIT_CODES = `
Exit codes: 0 done; 1 failed, incomplete or not found, with the reason in the output; 2 a mistake in the command;
130 after Ctrl-C. With --json, run it as "npm run --silent ops -- …".`

const interrupted = new AbortController()
// The reader of standard output has gone (`| head`): clean up as after Ctrl-C.
process.stdout.on('error', () => interrupted.abort())
onInterrupt().then((exitCode) => {
	process.exitCode = exitCode
	interrupted.abort()
})

const program = createProgram('npm run ops --')
	.description(
		'Operates the backup exporter: the local cloud of "npm start", or a deployed stage with --stage.',
	)
	.addHelpText('after', EXIT_CODES)
for (const add of [
	addSend,
	addStatus,
	addWatch,
	addCoverage,
	addDeadLetters,
	addDoctor,
	addSmoke,
	addForget,
]) {
	add(program, interrupted.signal)
}

try {
	await program.parseAsync()
} catch (error) {
	process.exitCode = interrupted.signal.aborted ? process.exitCode : reportError(error, toMessage)
}
// Do not wait for calls that are still running.
if (interrupted.signal.aborted) process.exit()
