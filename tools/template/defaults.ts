import { readFileSync } from 'node:fs'
import type { PARAMETERS } from './parameters.ts'

const SETTINGS = readFileSync(new URL('../../serverless.yml', import.meta.url), 'utf8')

/** The default of a parameter, as serverless.yml sets it for every stage. Throws for a parameter without one. */
export function defaultOf(name: (typeof PARAMETERS)[number]): string {
	const value = new RegExp(`^ {4}${name}: (?:'(.*)'|(.*))$`, 'm').exec(SETTINGS)
	if (value === null) throw new Error(`serverless.yml has no default for ${name}`)
	return value[1] ?? value[2] ?? ''
}
