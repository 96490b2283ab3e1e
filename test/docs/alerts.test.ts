import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { STATES } from '../../lib/outcome/outcome-schema.ts'
import type { Resource } from '../template/packaged.ts'
import { findMistakes } from '../template/specification.ts'

const FOLDER = join(import.meta.dirname, '../../docs/alerts')

function readResources(name: string): Record<string, Resource> {
	// All of them are parameters.
	const toRef = { tag: '!Ref', resolve: (text: string) => `the value of ${text}` }
	const toAttribute = { tag: '!GetAtt', resolve: (text: string) => ({ 'Fn::GetAtt': text.split('.') }) }
	const text = readFileSync(join(FOLDER, name), 'utf8')
	return parse(text, { customTags: [toRef, toAttribute] }).Resources
}

it.each(readdirSync(FOLDER))('%s is valid according to AWS’s published specification', (name) => {
	expect(findMistakes(readResources(name))).toEqual([])
})

it('the e-mail is for states that an event can have', () => {
	const known = new Set<string>([...STATES, 'behind'])
	const { BadOutcomes } = readResources('email.yml') as { BadOutcomes: Resource }
	const state: string[] = BadOutcomes.Properties.FilterPolicy.state
	expect(state.filter((each) => !known.has(each))).toEqual([])
	expect(state).toContain('missing')
})
