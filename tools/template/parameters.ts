import { FOLDER_PATH_RULE, isFolderTemplate } from '../../lib/request/folder-path.ts'
import { API_URLS, BUCKET_ZONE_NAMES, BUCKET_ZONES, isBucketZone } from './zones.ts'

/** The parameters of serverless.yml. All are text, as on the command line. */
export const PARAMETERS = [
	'ncpZone',
	'regionCode',
	'folderPath',
	'sharedDestinations',
	'bucketZone',
	'secretId',
	'retryHours',
	'deduplicationHours',
	'arrivalDeadlineMinutes',
	'unknownResendMinutes',
	'freshnessMinutes',
	'requestSourceArns',
	'coverageFile',
] as const

export type Parameters = Readonly<Record<(typeof PARAMETERS)[number], string>>

const RULES: Readonly<Record<(typeof PARAMETERS)[number], [rule: Pick<RegExp, 'test'>, words: string]>> = {
	ncpZone: [{ test: (zone) => Object.hasOwn(API_URLS, zone) }, `must be ${oneOf(Object.keys(API_URLS))}`],
	regionCode: [/^[A-Z]{2,8}$/, 'must be 2 to 8 capital letters, such as KR'],
	folderPath: [
		{ test: (path) => path === '' || isFolderTemplate(path) },
		`${FOLDER_PATH_RULE}; it may hold {instanceNo}`,
	],
	sharedDestinations: [/^(refuse|allow)$/, 'must be refuse or allow'],
	bucketZone: [{ test: isBucketZone }, `must be ${oneOf(BUCKET_ZONE_NAMES)}`],
	secretId: [/^[\w/+=.@-]{1,512}$/, 'must be the name of a secret, not its ARN'],
	retryHours: [/^([1-9]|[1-6]\d|7[0-2])$/, 'must be a whole number of hours, from 1 to 72'],
	deduplicationHours: [/^[1-9]\d{0,3}$/, 'must be a whole number of hours, from 1'],
	arrivalDeadlineMinutes: [/^[1-9]\d{0,4}$/, 'must be a whole number of minutes, from 1'],
	unknownResendMinutes: [/^[1-9]\d{0,4}$/, 'must be a whole number of minutes, from 1'],
	freshnessMinutes: [/^[1-9]\d{0,5}$/, 'must be a whole number of minutes, from 1'],
	requestSourceArns: [
		/^(arn:[\w-]+:(sns|events):[^\s,]+(,arn:[\w-]+:(sns|events):[^\s,]+)*)?$/,
		'must be ARNs of SNS topics and EventBridge rules, separated by commas alone',
	],
	coverageFile: [/^[\w./-]+\.ya?ml$/, 'must be the path of a YAML file, from the folder of serverless.yml'],
}

/** Throws an error that lists every invalid parameter by name. */
export function checkParameters(parameters: Parameters): void {
	const problems = PARAMETERS.filter((name) => !RULES[name][0].test(parameters[name])).map(
		(name) => `${name} ${RULES[name][1]}`,
	)
	const minutes = 2 * Number(parameters.arrivalDeadlineMinutes) + Number(parameters.unknownResendMinutes)
	if (Number(parameters.deduplicationHours) * 60 < minutes)
		problems.push('deduplicationHours must cover arrivalDeadlineMinutes twice and unknownResendMinutes')
	const { bucketZone, ncpZone } = parameters
	const zone = isBucketZone(bucketZone) ? BUCKET_ZONES[bucketZone].ncpZone : ncpZone
	if (zone !== ncpZone) problems.push(`bucketZone ${bucketZone} is in ncpZone ${zone}, not ${ncpZone}`)
	if (problems.length > 0) throw new Error(`--param ${problems.join('; --param ')}`)
}

/** "a, b or c". */
function oneOf(names: readonly string[]): string {
	return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
