import { type Finding, failed, skipped, type Verdict } from './finding.ts'
import { generalCauseOf, OpsError, toMessage } from './ops-error.ts'

export interface Check {
	name: string
	/** May throw: what it throws is a failed check. */
	run: () => Promise<Verdict>
}

/** Something failed that several checks need: `need` says what, in the words of a check's name. */
export class NeedFailed extends OpsError {
	readonly need: string

	constructor(need: string, cause: unknown) {
		super(toMessage(cause), { cause })
		this.need = need
	}
}

type Result = { check: string } & ({ verdict: Verdict } | { error: unknown })

/**
 * Makes all checks, independently of each other. Never throws. A cause that several checks have in common is one finding,
 * which lists the checks that could not be made. `everything` names what they call: AWS, or the local cloud.
 */
export async function runChecks(
	checks: readonly Check[],
	everything: string,
	signal: AbortSignal,
): Promise<Finding[]> {
	const interrupted = Promise.withResolvers<Verdict>()
	signal.addEventListener('abort', () => interrupted.resolve(skipped('interrupted')))
	const results = await Promise.all(
		checks.map(async ({ name, run }): Promise<Result> => {
			try {
				return { check: name, verdict: await Promise.race([run(), interrupted.promise]) }
			} catch (error) {
				return { check: name, error }
			}
		}),
	)
	return toFindings(results, everything)
}

/** The findings that the results stand for, in the order of the checks. Pure. */
export function toFindings(results: readonly Result[], everything: string): Finding[] {
	return [...Map.groupBy(results, causeOf).values()].flatMap(([first, ...others]) =>
		first === undefined ? [] : [toFinding([first, ...others], everything)],
	)
}

/** Equal for results of one cause. */
function causeOf(result: Result): string {
	if ('verdict' in result) return `check ${result.check}`
	const { check, error } = result
	const general = generalCauseOf(error)
	if (general !== null) return `all ${general}`
	return error instanceof NeedFailed ? `need ${error.need}` : `check ${check}`
}

function toFinding([first, ...others]: [Result, ...Result[]], everything: string): Finding {
	const { check } = first
	if ('verdict' in first) return { check, ...first.verdict }
	const names = [first, ...others].map((each) => each.check)
	const general = generalCauseOf(first.error)
	if (general !== null && others.length > 0)
		return { check: everything, ...failed(`${everything} ${general}`), unchecked: names }
	if (!(first.error instanceof NeedFailed)) return { check, ...failed(toMessage(first.error)) }
	const { need, message } = first.error
	// The check of what they need was made.
	return { check: need, ...failed(message), unchecked: names.filter((name) => name !== need) }
}
