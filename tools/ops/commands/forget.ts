import type { Command } from 'commander'
import { type Context, onTarget, print, printJson } from '../command.ts'
import { forgetInstance } from '../forget.ts'

export function addForget(program: Command, signal: AbortSignal): void {
	const command = program
		.command('forget')
		.argument(
			'<instance>',
			'region and number, such as KR/1234925, with the product in front if it is not PostgreSQL, such as mysql/KR/1234925; "default" stands for a region that the requests left out',
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
	const instance = given.replace(/(^|\/)default\//, '$1-/')
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
