import * as v from 'valibot'
import { cut, PolicyInvalid, type Problem } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import { DEFAULT_PRODUCT, LISTED_PRODUCTS, PRODUCT_NAMES, type Product, rowOf } from '../products.ts'
import { bucketNameSchema, instanceNoSchema, regionCodeSchema } from '../request/export-request.ts'
import { FOLDER_PATH_RULE, isFolderTemplate } from '../request/folder-path.ts'
import { findNearest } from '../request/nearest-name.ts'

/** Which instances' backups must be in a bucket, and in which. */
export interface Policy {
	name: string
	product: Product
	instances: 'all' | readonly string[]
	/** Taken out of `all`. */
	exclude: readonly string[]
	regionCode?: string | undefined
	bucketName: string
	/** May hold `{instanceNo}`. */
	folderPath: string
	/** A finished backup that is not out by then is behind. */
	graceHours: number
	/** An expression of EventBridge Scheduler. */
	rate: string
}

/** NCP keeps a backup for 30 days at most. */
const MAX_GRACE_HOURS = 720

/** `rate(1 hour)`; a value of 1 takes the singular. https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html */
const RATE = /^rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d{1,3}) (?:minutes|hours|days))\)$/
const UNIT_MINUTES = { minute: 1, hour: 60, day: 24 * 60 } as const

/** An alarm looks back over three sweeps, which CloudWatch allows up to a day each. */
const MIN_RATE_MINUTES = 5
const MAX_RATE_MINUTES = 24 * 60

/** Minutes between two sweeps. */
export function toRateMinutes(rate: string): number {
	const [, value, unit] = /\((\d+) (minute|hour|day)/.exec(rate) ?? []
	return Number(value) * UNIT_MINUTES[unit as keyof typeof UNIT_MINUTES]
}

const PRODUCT_RULE = `must be ${LISTED_PRODUCTS.join(' or ')}`

const RATE_RULE = `must be a rate of ${MIN_RATE_MINUTES} minutes to 1 day, such as "rate(1 hour)"`

const instanceNumbers = v.pipe(
	v.array(instanceNoSchema, 'must be a list of instance numbers'),
	v.check((numbers) => new Set(numbers).size === numbers.length, 'must name each instance once'),
)

const schema = v.object({
	name: v.pipe(
		v.string('must be a string'),
		v.regex(/^[a-z0-9-]{1,40}$/, 'must be 1 to 40 of a-z, 0-9 and "-"'),
	),
	product: v.optional(
		v.pipe(
			v.picklist(PRODUCT_NAMES, PRODUCT_RULE),
			v.check(
				(product) => rowOf(product).discovery !== null,
				({ input }) =>
					`${PRODUCT_RULE}: NCP does not document how to list the backup files of ${rowOf(input).title}`,
			),
		),
		DEFAULT_PRODUCT,
	),
	instances: v.optional(
		v.union(
			[v.literal('all'), v.pipe(instanceNumbers, v.minLength(1, 'must name an instance'))],
			'must be "all" or a list of different instance numbers',
		),
		'all',
	),
	exclude: v.optional(instanceNumbers, []),
	regionCode: v.optional(regionCodeSchema),
	bucketName: bucketNameSchema,
	folderPath: v.optional(
		v.pipe(
			v.string('must be a string'),
			v.check(isFolderTemplate, `${FOLDER_PATH_RULE}; it may hold {instanceNo}`),
		),
		'{instanceNo}/',
	),
	graceHours: v.optional(
		v.pipe(
			v.number('must be a number of hours'),
			v.minValue(1, `must be 1 to ${MAX_GRACE_HOURS}`),
			v.maxValue(MAX_GRACE_HOURS, `must be 1 to ${MAX_GRACE_HOURS}`),
		),
		6,
	),
	rate: v.optional(
		v.pipe(
			v.string(RATE_RULE),
			v.check((rate) => RATE.test(rate) && isInRange(toRateMinutes(rate)), RATE_RULE),
		),
		'rate(1 hour)',
	),
})

const FIELDS = Object.keys(schema.entries)

function isInRange(minutes: number): boolean {
	return minutes >= MIN_RATE_MINUTES && minutes <= MAX_RATE_MINUTES
}

/** Unknown to typed. `regionCode` holds for a policy that names none. Throws `PolicyInvalid` with every problem at once. */
export function parsePolicy(value: unknown, defaults: Pick<Policy, 'regionCode'> = {}): Policy {
	if (!isRecord(value))
		throw new PolicyInvalid([{ field: 'policy', detail: 'must be an object with the fields of a policy' }])
	const known = Object.fromEntries(
		FIELDS.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]),
	)
	const { issues = [], output } = v.safeParse(schema, known, { abortPipeEarly: true })
	// Of a policy with issues, the fields without one are as they would be without them.
	const policy = { ...defaults, ...(output as v.InferOutput<typeof schema>) }
	const wrong = toProblems(issues)
	const problems = [...wrong, ...findUnknown(value, FIELDS), ...findConflicts(policy, wrong)]
	if (problems.length > 0) throw new PolicyInvalid(problems)
	return policy
}

/** A folder for each instance, or their files overwrite each other: backup files are named by date. */
function findConflicts({ instances, exclude, folderPath }: Policy, wrong: readonly Problem[]): Problem[] {
	const areRight = (...fields: string[]): boolean => wrong.every(({ field }) => !fields.includes(field))
	const problems: Problem[] = []
	if (areRight('instances', 'folderPath')) {
		const isOne = instances !== 'all' && instances.length === 1
		if (!isOne && !folderPath.includes('{instanceNo}'))
			problems.push({
				field: 'folderPath',
				detail: 'must hold {instanceNo} when there is more than one instance',
			})
	}
	if (areRight('instances', 'exclude') && instances !== 'all' && exclude.length > 0)
		problems.push({ field: 'exclude', detail: 'takes instances out of "all", not out of a list' })
	return problems
}

/** Many members of a list may have the same problem. */
function toProblems(issues: readonly v.BaseIssue<unknown>[]): Problem[] {
	const problems = issues.map(toProblem)
	return [...new Map(problems.map((problem) => [`${problem.field} ${problem.detail}`, problem])).values()]
}

function toProblem(issue: v.BaseIssue<unknown>): Problem {
	const field = String(issue.path?.[0]?.key ?? 'policy')
	return { field, detail: issue.received === 'undefined' ? 'is required' : issue.message }
}

/** A problem for each unknown field. */
export function findUnknown(value: Record<string, unknown>, known: readonly string[]): Problem[] {
	return Object.keys(value)
		.filter((name) => !known.includes(name))
		.map((name) => {
			const nearest = findNearest(cut(name), known)
			const hint = nearest === null ? `known are ${known.join(', ')}` : `did you mean "${nearest}"?`
			return { field: cut(name), detail: `is unknown; ${hint}` }
		})
}

/** The same policy for one of its instances: what a message carries, however long the policy's lists are. */
export function forInstance({ exclude: _exclude, ...policy }: Policy, instanceNo: string): Policy {
	return { ...policy, instances: [instanceNo], exclude: [] }
}
