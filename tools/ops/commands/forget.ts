import type { Command } from 'commander'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { forgetInstance } from '../forget.ts'

export function addForget(program: Command, signal: AbortSignal): void {
	const command = program
		.command('forget')
		.argument(
			'<instance>',
			'region and number, such as KR/1234925; default/1234925 for an instance without a region',
		)
		.description('stop reporting the freshness of an instance that was deleted')
	onTarget<object>(command, signal, forget)
}

async function forget(
	{ target, isJson }: Context,
	_options: object,
	[given = '']: readonly string[],
): Promise<number> {
	// The table writes "-" for the default region, which on the command line would start an option.
	const instance = given.replace(/^default\//, '-/')
	const isForgotten = await forgetInstance(instance, target)
	if (isJson) printJson({ instance, isForgotten })
	else
		print(
			isForgotten
				? `The freshness of ${instance} is no longer reported.`
				: `The freshness of ${instance} was not being reported.`,
		)
	return isForgotten ? 0 : 1
}
