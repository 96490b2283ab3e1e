import { PolicyInvalid } from '../errors.ts'
import { isRecord, parseRecord } from '../formats/json.ts'
import { findUnknown, type Policy, parsePolicy } from './policy.ts'

/** What the function is asked for: a sweep, or the check of one instance when `instanceNo` is there. */
export interface CoverageOrder {
	policy: Policy
	instanceNo: string | null
	/** ISO 8601. */
	sweptAt: string
}

const FIELDS = ['policy', 'instanceNo', 'sweptAt']

/** Date.parse alone takes many other texts for a time. */
const ISO_8601 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?$/

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
	// A misspelt instanceNo must not turn a check into a sweep.
	const problems = findUnknown(value, FIELDS)
	if (instanceNo !== null && !(typeof instanceNo === 'string' && isNumber(instanceNo)))
		problems.push({ field: 'instanceNo', detail: 'must be 1 to 20 digits, as a string' })
	if (typeof sweptAt !== 'string' || !ISO_8601.test(sweptAt) || Number.isNaN(Date.parse(sweptAt)))
		problems.push({ field: 'sweptAt', detail: 'must be a time in ISO 8601' })
	const parsed = parseSafely(policy, defaults)
	if (parsed instanceof PolicyInvalid) problems.push(...parsed.problems)
	else if (typeof instanceNo === 'string' && isNumber(instanceNo) && !isOf(parsed, instanceNo))
		problems.push({ field: 'instanceNo', detail: "is not one of the policy's instances" })
	if (parsed instanceof PolicyInvalid || problems.length > 0) throw new PolicyInvalid(problems)
	return { policy: parsed, instanceNo: instanceNo as string | null, sweptAt: sweptAt as string }
}

function isNumber(instanceNo: string): boolean {
	return /^\d{1,20}$/.test(instanceNo)
}

/** Whether a sweep of the policy would check this instance, if it is there. */
function isOf({ instances, exclude }: Policy, instanceNo: string): boolean {
	return instances === 'all' ? !exclude.includes(instanceNo) : instances.includes(instanceNo)
}

function parseSafely(value: unknown, defaults: Pick<Policy, 'regionCode'>): Policy | PolicyInvalid {
	try {
		return parsePolicy(value, defaults)
	} catch (error) {
		if (error instanceof PolicyInvalid) return error
		throw error
	}
}
