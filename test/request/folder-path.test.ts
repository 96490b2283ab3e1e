import { describe, expect, it } from 'vitest'
import { isFolderTemplate, renderFolderPath, toFolderPath } from '../../lib/request/folder-path.ts'

it.each([
	['a', 'a/'],
	['a/', 'a/'],
	['a/b', 'a/b/'],
])('sends the folder %s as %s', (given, sent) => {
	expect(toFolderPath(given)).toBe(sent)
})

it('puts the instance number into every place of the template', () => {
	expect(renderFolderPath('pg/{instanceNo}/of-{instanceNo}', '7')).toBe('pg/7/of-7/')
})

describe('isFolderTemplate', () => {
	it.each(['a', 'a/', '{instanceNo}', 'pg/{instanceNo}/', `${'x'.repeat(180)}{instanceNo}`])(
		'accepts %s',
		(template) => {
			expect(isFolderTemplate(template)).toBe(true)
		},
	)

	it.each(['', '/', '/a', 'a//b', '../{instanceNo}', '{fileName}', `${'x'.repeat(181)}{instanceNo}`])(
		'refuses %j',
		(template) => {
			expect(isFolderTemplate(template)).toBe(false)
		},
	)
})
