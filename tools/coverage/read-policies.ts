import { readFile } from 'node:fs/promises'
import { parse, YAMLError } from 'yaml'
import { type Policy, parsePolicy } from '../../lib/coverage/policy.ts'
import { PolicyInvalid, type Problem } from '../../lib/errors.ts'
import { isRecord } from '../../lib/formats/json.ts'

/**
 * The policies of a file in YAML: a list, which may be empty. Throws `PolicyInvalid` with the problems of all policies, and
 * what reading the file throws.
 */
export async function readPolicies(path: string, defaults: Pick<Policy, 'regionCode'>): Promise<Policy[]> {
	const values = toList(await readFile(path, 'utf8'))
	const problems: Problem[] = []
	const policies = values.flatMap((value, index) => {
		try {
			return [parsePolicy(value, defaults)]
		} catch (error) {
			if (!(error instanceof PolicyInvalid)) throw error
			const name = isRecord(value) && typeof value.name === 'string' ? ` (${value.name})` : ''
			const place = `policy ${index + 1}${name}:`
			problems.push(...error.problems.map(({ field, detail }) => ({ field: `${place} ${field}`, detail })))
			return []
		}
	})
	const names = values.flatMap((value) =>
		isRecord(value) && typeof value.name === 'string' ? [value.name] : [],
	)
	for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index)))
		problems.push({ field: 'name', detail: `"${name}" is given to more than one policy` })
	if (problems.length > 0) throw new PolicyInvalid(problems)
	return policies
}

function toList(text: string): unknown[] {
	try {
		const value: unknown = parse(text) ?? []
		if (Array.isArray(value)) return value
	} catch (error) {
		if (!(error instanceof YAMLError)) throw error
		throw new PolicyInvalid([
			{ field: 'the file', detail: `is not YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}` },
		])
	}
	throw new PolicyInvalid([{ field: 'the file', detail: 'must hold a list of policies' }])
}
