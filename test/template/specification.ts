import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec'
import type { Property, PropertyType } from '@aws-cdk/service-spec-types'
import type { Resource } from './packaged.ts'

const database = loadAwsServiceSpecSync()

/** Checks a template's resources against AWS's published specification: unknown types and properties, missing properties, and values of the wrong type. */
export function findMistakes(resources: Record<string, Resource>): string[] {
	return Object.entries(resources).flatMap(([id, { Type, Properties = {} }]) => {
		const [found] = database.lookup('resource', 'cloudFormationType', 'equals', Type)
		if (found === undefined) return [`${id}: there is no type ${Type}`]
		return [
			...checkProperties(id, Properties, found.properties),
			...checkAttributes(id, Properties, resources),
		]
	})
}

function checkProperties(
	path: string,
	values: Record<string, unknown>,
	properties: Readonly<Record<string, Property>>,
): string[] {
	const unknown = Object.keys(values).filter((name) => !Object.hasOwn(properties, name))
	const missing = Object.entries(properties).filter(
		([name, { required }]) => required && values[name] === undefined,
	)
	return [
		...unknown.map((name) => `${path}.${name} is unknown`),
		...missing.map(([name]) => `${path}.${name} is missing`),
		...Object.entries(values).flatMap(([name, value]) => {
			const property = properties[name]
			return property === undefined ? [] : checkValue(`${path}.${name}`, value, property.type)
		}),
	]
}

function checkValue(path: string, value: unknown, type: PropertyType): string[] {
	// Only CloudFormation knows the value of an intrinsic function.
	if (isIntrinsic(value)) return []
	switch (type.type) {
		case 'union': {
			// The specification adds "or any JSON" where an earlier version had another type.
			const exact = type.types.filter((each) => ['array', 'map', 'ref'].includes(each.type))
			const all = (exact.length > 0 ? exact : type.types).map((each) => checkValue(path, value, each))
			return all.find((mistakes) => mistakes.length === 0) ?? all[0] ?? []
		}
		case 'array':
			if (!Array.isArray(value)) return [`${path} is no list`]
			return value.flatMap((each, index) => checkValue(`${path}.${index}`, each, type.element))
		case 'map':
			return isObject(value)
				? Object.entries(value).flatMap(([key, each]) => checkValue(`${path}.${key}`, each, type.element))
				: [`${path} is no map`]
		case 'ref': {
			const { properties } = database.get('typeDefinition', type.reference)
			return isObject(value) ? checkProperties(path, value, properties) : [`${path} is no object`]
		}
		case 'integer':
			return Number.isInteger(Number(value)) ? [] : [`${path} is no whole number`]
		case 'number':
			return Number.isFinite(Number(value)) ? [] : [`${path} is no number`]
		case 'boolean':
			return typeof value === 'boolean' ? [] : [`${path} is neither true nor false`]
		case 'string':
			// CloudFormation accepts a number where text is expected.
			return ['string', 'number', 'boolean'].includes(typeof value) ? [] : [`${path} is no text`]
		default:
			return []
	}
}

/** Finds every `Ref` and `Fn::GetAtt` whose target does not exist. */
function checkAttributes(path: string, value: unknown, resources: Record<string, Resource>): string[] {
	if (Array.isArray(value)) return value.flatMap((each) => checkAttributes(path, each, resources))
	if (!isObject(value)) return []
	const { Ref, 'Fn::GetAtt': getAtt } = value
	if (typeof Ref === 'string' && !Ref.startsWith('AWS::') && resources[Ref] === undefined)
		return [`${path} refers to ${Ref}, which is not there`]
	if (Array.isArray(getAtt)) {
		const [id, attribute] = getAtt as [string, string]
		const [found] = database.lookup('resource', 'cloudFormationType', 'equals', resources[id]?.Type ?? '')
		return found !== undefined && Object.hasOwn(found.attributes, attribute)
			? []
			: [`${path} reads ${id}.${attribute}, which is not there`]
	}
	return Object.values(value).flatMap((each) => checkAttributes(path, each, resources))
}

function isIntrinsic(value: unknown): boolean {
	return isObject(value) && Object.keys(value).some((key) => key === 'Ref' || key.startsWith('Fn::'))
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}
