import type { Command } from 'commander'
import { toPlain } from '../terminal/outcome-row.ts'
import { findTarget, type Target, type TargetOptions } from './target.ts'

/** What the options say that every command has. */
export interface Given extends TargetOptions {
	/** Standard output carries JSON alone, one value per line. */
	isJson: boolean
	/** Raised by Ctrl-C, by SIGTERM, and when the reader of standard output has gone. */
	signal: AbortSignal
}

export interface Context extends Given {
	target: Target
}

interface CommonOptions extends TargetOptions {
	json?: boolean
}

/** Adds the options that every command has, and runs the command; `run` resolves with the exit code. */
export function onCommand<Options extends object>(
	command: Command,
	signal: AbortSignal,
	run: (given: Given, options: Options, args: readonly string[]) => Promise<number>,
): void {
	command
		.option('--stage <name>', 'a deployed stage, with your own AWS credentials (default: the local cloud)')
		.option('--region <name>', 'AWS region of the stage (default: AWS_REGION, else ap-northeast-2)')
		.option('--json', 'print JSON, one value per line')
		.action(async () => {
			const { stage, region, json, ...own } = command.opts<Options & CommonOptions>()
			const target = { ...(stage ? { stage } : {}), ...(region ? { region } : {}) }
			const given = { ...target, isJson: json ?? false, signal }
			const exitCode = await run(given, own as unknown as Options, command.args)
			// After an interruption, main.ts has set the exit code of the signal.
			process.exitCode = signal.aborted ? process.exitCode : exitCode
		})
}

/** The same for a command that does nothing without its target. */
export function onTarget<Options extends object>(
	command: Command,
	signal: AbortSignal,
	run: (context: Context, options: Options, args: readonly string[]) => Promise<number>,
): void {
	onCommand<Options>(command, signal, async (given, options, args) =>
		run({ ...given, target: await findTarget(given) }, options, args),
	)
}

/** A command line for the operator to run next, on the same target. */
export function toCommand({ stage, region }: Given, words: string): string {
	const named =
		stage === undefined ? '' : ` --stage ${stage}${region === undefined ? '' : ` --region ${region}`}`
	return `npm run ops -- ${words}${named}`
}

export function print(text: string): void {
	process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
	print(JSON.stringify(value))
}

/**
 * Prints aligned columns. Control characters are removed: the text may come from others. `style` may colour a cell, which is
 * padded already.
 */
export function printColumns(
	rows: readonly (readonly string[])[],
	style: (text: string, row: number, column: number) => string = (text) => text,
): void {
	const plain = rows.map((row) => row.map(toPlain))
	const widths =
		plain[0]?.map((_cell, column) => Math.max(...plain.map((row) => row[column]?.length ?? 0))) ?? []
	for (const [index, row] of plain.entries())
		print(
			row
				.map((cell, column) => style(cell.padEnd(widths[column] ?? 0), index, column))
				.join('  ')
				.trimEnd(),
		)
}
