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
		.description('stop watching the freshness of an instance that is no more')
	onTarget<object>(command, signal, forget)
}

async function forget(
	{ target, isJson }: Context,
	_options: object,
	[given = '']: readonly string[],
): Promise<number> {
	// In the table the default region is "-", which no shell would take for a word.
	const instance = given.replace(/^default\//, '-/')
	const isForgotten = await forgetInstance(instance, target)
	if (isJson) printJson({ instance, isForgotten })
	else print(isForgotten ? `${instance} is no longer watched.` : `${instance} was not watched.`)
	return isForgotten ? 0 : 1
}
