import { Command, CommanderError } from 'commander'

/** A mistake in the command. It is reported in one line, without a stack trace, and ends the process with code 2. */
export class UsageError extends Error {}

/** A commander program, or the root of one, that throws its errors; `reportError` turns them into an exit code. */
export function createProgram(name: string): Command {
	return new Command(name).exitOverride()
}

/** How an error is printed. */
export type DescribeError = (error: unknown) => unknown

/** Runs a command and sets the exit code: the command's own, or that of `reportError`. */
export async function runCommand(run: () => Promise<number>, describe?: DescribeError): Promise<void> {
	try {
		process.exitCode = await run()
	} catch (error) {
		process.exitCode = reportError(error, describe)
	}
}

/** Prints an error and returns the exit code: 2 for a mistake in the command, 0 after `--help`, 1 otherwise. */
export function reportError(error: unknown, describe: DescribeError = (each) => each): number {
	// commander has printed it already. Its own exit code is 1 for every mistake.
	if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
	if (error instanceof UsageError) {
		console.error(`${error.message}\nSee --help.`)
		return 2
	}
	console.error(describe(error))
	return 1
}
