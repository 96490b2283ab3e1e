import type { Command } from 'commander'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { forgetInstance } from '../forget.ts'

export function addForget(program: Command, signal: AbortSignal): void {
	const command = program
		.command('forget')
		.argument('<instance>', 'region and number, such as KR/1234925; "-" stands for the default region')
		.description('stop watching the freshness of an instance that is no more')
	onTarget<object>(command, signal, forget)
}

async function forget(
	{ target, isJson }: Context,
	_options: object,
	[instance = '']: readonly string[],
): Promise<number> {
	const isForgotten = await forgetInstance(instance, target)
	if (isJson) printJson({ instance, isForgotten })
	else print(isForgotten ? `${instance} is no longer watched.` : `${instance} was not watched.`)
	return isForgotten ? 0 : 1
}
