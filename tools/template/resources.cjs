// CommonJS, because osls loads nothing else. The computed resources are TypeScript.
const { join } = require('node:path')
const { readPolicies } = require('../coverage/read-policies.ts')
const { alarms } = require('./alarms.ts')
const { dashboard } = require('./dashboard.ts')
const { numbersFor } = require('./numbers.ts')
const { checkParameters, PARAMETERS } = require('./parameters.ts')
const { policies: resourcePolicies } = require('./policies.ts')
const { roles } = require('./roles.ts')
const { schedules } = require('./schedules.ts')
const { API_URLS, BUCKET_ZONES } = require('./zones.ts')

const ROOT = join(__dirname, '../..')

module.exports = async ({ resolveVariable }) => {
	const values = PARAMETERS.map(async (name) => [name, String(await resolveVariable(`param:${name}`))])
	const parameters = Object.fromEntries(await Promise.all(values))
	checkParameters(parameters)
	const policies = await readPolicies(join(ROOT, parameters.coverageFile), {
		regionCode: parameters.regionCode,
	})
	return {
		hasPolicies: policies.length > 0,
		apiUrl: API_URLS[parameters.ncpZone],
		bucketZone: BUCKET_ZONES[parameters.bucketZone],
		numbers: numbersFor({
			retryHours: Number(parameters.retryHours),
			arrivalDeadlineMinutes: Number(parameters.arrivalDeadlineMinutes),
		}),
		resources: {
			Resources: {
				...roles,
				...schedules(policies),
				...resourcePolicies(parameters.requestSourceArns),
				...alarms(Number(parameters.freshnessMinutes), policies),
				...dashboard(policies),
			},
		},
	}
}
