import { createHash } from 'node:crypto'
import type { FunctionName } from '../../lib/wiring/config.ts'

export interface Resource {
	Type: string
	DependsOn?: readonly string[]
	Properties: Readonly<Record<string, unknown>>
}

export type Resources = Readonly<Record<string, Resource>>

export const ref = (logicalId: string) => ({ Ref: logicalId })

export const getAtt = (logicalId: string, attribute = 'Arn') => ({ 'Fn::GetAtt': [logicalId, attribute] })

/** `${…}` in the text is resolved by CloudFormation; osls resolves only variables with a colon. */
export const sub = (text: string) => ({ 'Fn::Sub': text })

/** Starts the name of every named resource: `ncp-backup-exporter-prod`. */
export const PREFIX = '${self:service}-${sls:stage}'

/** `OnQueueMessage`. */
export function toPascal(name: string): string {
	return name.replace(/(^|-)(.)/g, (_match, _dash, letter: string) => letter.toUpperCase())
}

/** Names of which `toPascal` makes different ids: each "-" stands before a letter. */
const PASCAL_NAME = /^[a-z0-9]+(-[a-z][a-z0-9]*)*$/

/** A part of the logical ids of a policy's resources: letters and digits, different for each name of a policy. */
export function toPolicyId(name: string): string {
	if (PASCAL_NAME.test(name)) return toPascal(name)
	const hash = createHash('sha256').update(name).digest('hex')
	return toPascal(name).replaceAll('-', '') + hash.slice(0, 16)
}

/** The logical id that osls gives a function's resource: `OnDashqueueDashmessageLogGroup`. */
export function oslsId(name: FunctionName, suffix: string): string {
	return name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', 'Dash') + suffix
}

export const QUEUES = [
	'RequestQueue',
	'DeadLetterQueue',
	'ArrivalQueue',
	'ArrivalDeadLetterQueue',
	'PipelineDeadLetterQueue',
	'CoverageQueue',
	'CoverageDeadLetterQueue',
] as const
