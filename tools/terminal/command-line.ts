import { type ParseArgsConfig, parseArgs } from 'node:util'

/** A mistake of whoever typed the command: told in one line, without a stack. */
export class UsageError extends Error {}

/** Options alone, no words; throws `UsageError` for what is not one of them. */
export function readOptions<Options extends NonNullable<ParseArgsConfig['options']>>(options: Options) {
	try {
		return parseArgs({ options, strict: true, allowPositionals: false }).values
	} catch (error) {
		throw new UsageError(error instanceof Error ? error.message : 'the options cannot be read')
	}
}

/** Runs a command and sets the exit code: its own, 2 for a usage error, 1 for any other. */
export async function runCommand(run: () => Promise<number>): Promise<void> {
	try {
		process.exitCode = await run()
	} catch (error) {
		const isUsage = error instanceof UsageError
		console.error(isUsage ? `${error.message}\nSee --help.` : error)
		process.exitCode = isUsage ? 2 : 1
	}
}
