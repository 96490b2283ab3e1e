import { PolicyInvalid, type Problem } from '../errors.ts'
import { isRecord, parseRecord } from '../formats/json.ts'
import { type Policy, parsePolicy } from './policy.ts'

/** What the function is asked for: a sweep, or the check of one instance when `instanceNo` is there. */
export interface CoverageOrder {
	policy: Policy
	instanceNo: string | null
	/** ISO 8601. */
	sweptAt: string
}

/**
 * Reads `{ policy, instanceNo?, sweptAt? }`, from a message or an invocation. Throws `PolicyInvalid` with all problems, also
 * for what is no such object.
 */
export function readOrder(
	input: unknown,
	defaults: Pick<Policy, 'regionCode'>,
	nowMs: number,
): CoverageOrder {
	const value = typeof input === 'string' ? parseRecord(input) : input
	if (!isRecord(value)) throw new PolicyInvalid([{ field: 'policy', detail: 'is required' }])
	const { policy, instanceNo = null, sweptAt = new Date(nowMs).toISOString() } = value
	const problems: Problem[] = []
	if (instanceNo !== null && !(typeof instanceNo === 'string' && /^\d{1,20}$/.test(instanceNo)))
		problems.push({ field: 'instanceNo', detail: 'must be 1 to 20 digits, as a string' })
	if (typeof sweptAt !== 'string' || Number.isNaN(Date.parse(sweptAt)) || sweptAt.length > 40)
		problems.push({ field: 'sweptAt', detail: 'must be a time in ISO 8601' })
	const parsed = parseSafely(policy, defaults)
	if (parsed instanceof PolicyInvalid) problems.push(...parsed.problems)
	if (parsed instanceof PolicyInvalid || problems.length > 0) throw new PolicyInvalid(problems)
	return { policy: parsed, instanceNo: instanceNo as string | null, sweptAt: sweptAt as string }
}

function parseSafely(value: unknown, defaults: Pick<Policy, 'regionCode'>): Policy | PolicyInvalid {
	try {
		return parsePolicy(value, defaults)
	} catch (error) {
		if (error instanceof PolicyInvalid) return error
		throw error
	}
}
