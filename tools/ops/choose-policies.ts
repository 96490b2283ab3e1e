import { type Policy, parsePolicy } from '../../lib/coverage/policy.ts'
import { PolicyInvalid } from '../../lib/errors.ts'
import { readPolicies } from '../coverage/read-policies.ts'
import { UsageError } from '../terminal/command-line.ts'
import { toPlain } from '../terminal/outcome-row.ts'
import { OpsError } from './ops-error.ts'

export interface PolicyOptions {
	policies?: string
	policy?: string
	instance?: string
	bucket?: string
	folder?: string
	product?: string
	regionCode?: string
}

export const DEFAULT_FILE = 'coverage.yml'

/** The policy of `--instance`. Requests that are sent for it bear this name. */
export const BY_HAND = 'by-hand'

/** The policies of a file, or the one of `--instance`. Throws `UsageError` or `OpsError`. */
export async function choosePolicies(
	{ policies: path, policy: name, ...own }: PolicyOptions,
	ncpRegionCode: string,
): Promise<Policy[]> {
	const defaults = ncpRegionCode === '' ? {} : { regionCode: ncpRegionCode }
	const { instance, bucket, folder, product, regionCode } = own
	if (instance === undefined) {
		if ([bucket, folder, product, regionCode].some((value) => value !== undefined))
			throw new UsageError('--bucket, --folder, --product and --region-code need --instance.')
		return chosen(await readFileOf(path ?? DEFAULT_FILE, defaults), name, path ?? DEFAULT_FILE)
	}
	if (path !== undefined || name !== undefined)
		throw new UsageError('--instance cannot be combined with --policies or --policy.')
	const fields = { bucketName: bucket, folderPath: folder, product, regionCode }
	const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
	try {
		return [parsePolicy({ name: BY_HAND, instances: [instance], ...given }, defaults)]
	} catch (error) {
		if (error instanceof PolicyInvalid) throw toUsageError(error)
		throw error
	}
}

const OPTIONS: Readonly<Record<string, string>> = {
	instances: '--instance',
	bucketName: '--bucket',
	folderPath: '--folder',
	product: '--product',
	regionCode: '--region-code',
}

function toUsageError({ problems }: PolicyInvalid): UsageError {
	return new UsageError(
		problems.map(({ field, detail }) => `${OPTIONS[field] ?? field} ${detail}`).join('\n'),
	)
}

async function readFileOf(path: string, defaults: Pick<Policy, 'regionCode'>): Promise<Policy[]> {
	try {
		return await readPolicies(path, defaults)
	} catch (error) {
		if (error instanceof PolicyInvalid) {
			const problems = error.problems.map(({ field, detail }) => toPlain(`${field} ${detail}`))
			throw new OpsError(`Nothing was checked: ${path} has problems.\n${problems.join('\n')}`)
		}
		const { code } = error as NodeJS.ErrnoException
		if (code === undefined) throw error
		throw new OpsError(
			`${path} cannot be read (${code}): name a file with --policies, or an instance with --instance and --bucket.`,
		)
	}
}

function chosen(policies: readonly Policy[], name: string | undefined, path: string): Policy[] {
	const wanted = policies.filter((policy) => name === undefined || policy.name === name)
	if (wanted.length > 0) return wanted
	const known = policies.map((policy) => policy.name).join(', ')
	throw new OpsError(
		known === '' ? `${path} holds no policy.` : `${path} has no policy ${name}, but ${known}.`,
	)
}
