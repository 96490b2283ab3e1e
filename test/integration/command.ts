import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { NODE_COMPILE_CACHE } from '../../tools/local/function-process.ts'

/** Starts a command of the project in its own process; `script` is its path from the root. */
export function startCommand(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
	const child = spawn(process.execPath, [new URL(`../../${script}`, import.meta.url).pathname, ...args], {
		env: { ...process.env, NODE_COMPILE_CACHE, ...env },
	})
	const lines: string[] = []
	const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = []
	let errorText = ''
	const take = (line: string): void => {
		lines.push(line)
		for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line)
	}
	createInterface({ input: child.stdout }).on('line', take)
	child.stderr.on('data', (chunk) => {
		errorText += chunk
		for (const { pattern, resolve } of waiting) if (pattern.test(errorText)) resolve(errorText)
	})
	return {
		child,
		/** The lines printed so far. */
		lines,
		/** The first line, or the text on standard error, that matches. */
		line: (pattern: RegExp): Promise<string> => {
			const seen = [...lines, errorText].find((each) => pattern.test(each))
			if (seen !== undefined) return Promise.resolve(seen)
			const { promise, resolve } = Promise.withResolvers<string>()
			waiting.push({ pattern, resolve })
			return promise
		},
		exit: once(child, 'close').then(([code]) => code as number),
		errors: () => errorText,
	}
}

/** Runs a command to its end. */
export async function runCommand(
	script: string,
	args: readonly string[],
	{ env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<{ code: number; output: string; errors: string; json: () => unknown[] }> {
	const { child, lines, exit, errors } = startCommand(script, args, env)
	child.stdin.end(input)
	const code = await exit
	return {
		code,
		output: lines.join('\n'),
		errors: errors(),
		json: () => lines.map((line) => JSON.parse(line)),
	}
}
