// CommonJS, because osls loads nothing else.

/** Removes each dependency that a reference implies already: osls writes some of those, and cfn-lint warns of them (W3005). */
function trimDependencies(resources) {
	for (const resource of Object.values(resources)) {
		const { DependsOn, ...rest } = resource
		if (DependsOn === undefined) continue
		const text = JSON.stringify(rest)
		const isImplied = (id) => text.includes(`{"Fn::GetAtt":["${id}",`) || text.includes(`{"Ref":"${id}"}`)
		const left = [DependsOn].flat().filter((id) => !isImplied(id))
		if (left.length === 0) delete resource.DependsOn
		else resource.DependsOn = left
	}
}

module.exports = class TemplatePlugin {
	constructor(serverless) {
		this.hooks = {
			'before:aws:package:finalize:saveServiceState': () =>
				trimDependencies(serverless.service.provider.compiledCloudFormationTemplate.Resources),
		}
	}
}
