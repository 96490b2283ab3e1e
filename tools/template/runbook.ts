import { readFileSync } from 'node:fs'

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')

/**
 * What to do first about an alarm: the first sentence of "Do" in its section of docs/runbook.md. Throws for an alarm without
 * one, so that none is deployed.
 */
export function firstStep(alarm: string): string {
	const section = RUNBOOK.split(/^## /m).find((each) => each.startsWith(`${alarm}\n`))
	const text = /\*\*Do\*\* ([\s\S]*)/.exec(section ?? '')?.[1]?.replace(/\s+/g, ' ')
	const sentence = /^.*?[.:](?= |$)/.exec(text ?? '')?.[0]
	if (sentence === undefined)
		throw new Error(`docs/runbook.md does not say what to do about the alarm ${alarm}`)
	return sentence
}
