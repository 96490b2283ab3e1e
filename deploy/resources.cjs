// osls loads CommonJS only; the template's computed resources are TypeScript.
const { alarms } = require('./alarms.ts')
const { dashboard } = require('./dashboard.ts')
const { arrivalReceiveCount, ...numbers } = require('./numbers.ts')
const { policies } = require('./policies.ts')
const { roles } = require('./roles.ts')

module.exports = async ({ resolveVariable }) => {
	const arrivalDeadlineMinutes = Number(await resolveVariable('param:arrivalDeadlineMinutes'))
	return {
		numbers: { ...numbers, arrivalReceiveCount: arrivalReceiveCount(arrivalDeadlineMinutes) },
		resources: {
			Resources: {
				...roles,
				...policies(await resolveVariable('param:requestSourceArns')),
				...alarms(Number(await resolveVariable('param:freshnessMinutes'))),
				...dashboard,
			},
		},
	}
}
