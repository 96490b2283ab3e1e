import { FOLDER_PATH_RULE, isFolderTemplate } from '../../lib/request/folder-path.ts'

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
] as const

export type Parameters = Readonly<Record<(typeof PARAMETERS)[number], string>>

const RULES: Readonly<Record<(typeof PARAMETERS)[number], [rule: Pick<RegExp, 'test'>, words: string]>> = {
	ncpZone: [/^(public|gov|fin)$/, 'must be public, gov or fin'],
	regionCode: [/^[A-Z]{2,8}$/, 'must be 2 to 8 capital letters, such as KR'],
	folderPath: [
		{ test: (path) => path === '' || isFolderTemplate(path) },
		`${FOLDER_PATH_RULE}; it may hold {instanceNo}`,
	],
	sharedDestinations: [/^(refuse|allow)$/, 'must be refuse or allow'],
	bucketZone: [/^(kr|sg|us|de|jp|gov-kr|gov-krs|fin)$/, 'must be kr, sg, us, de, jp, gov-kr, gov-krs or fin'],
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
}

/** Throws an error that lists every invalid parameter by name. */
export function checkParameters(parameters: Parameters): void {
	const problems = PARAMETERS.filter((name) => !RULES[name][0].test(parameters[name])).map(
		(name) => `${name} ${RULES[name][1]}`,
	)
	const minutes = 2 * Number(parameters.arrivalDeadlineMinutes) + Number(parameters.unknownResendMinutes)
	if (Number(parameters.deduplicationHours) * 60 < minutes)
		problems.push('deduplicationHours must cover arrivalDeadlineMinutes twice and unknownResendMinutes')
	const zone = zoneOf(parameters.bucketZone)
	if (zone !== parameters.ncpZone)
		problems.push(`bucketZone ${parameters.bucketZone} is in ncpZone ${zone}, not ${parameters.ncpZone}`)
	if (problems.length > 0) throw new Error(`--param ${problems.join('; --param ')}`)
}

function zoneOf(bucketZone: string): string {
	if (bucketZone.startsWith('gov-')) return 'gov'
	return bucketZone === 'fin' ? 'fin' : 'public'
}
