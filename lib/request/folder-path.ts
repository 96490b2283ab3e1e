/**
 * Folder names of ASCII letters, digits, ".", "_" and "-", joined by "/"; none of them "." or "..". 200 characters at most,
 * not counting a "/" at the end.
 */
export const FOLDER_PATH = /^(?=.{1,200}\/?$)(?!\.{1,2}(?:\/|$))[\w.-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)*\/?$/

export const FOLDER_PATH_RULE =
	'must be folder names of letters, digits, ".", "_" and "-", joined by "/", 200 characters at most'

/** The form that NCP gets and that identifies an export: with one "/" at the end. */
export function toFolderPath(path: string): string {
	return path.endsWith('/') ? path : `${path}/`
}

/** The folder of a request that names none. The template may hold `{instanceNo}`. */
export function renderFolderPath(template: string, instanceNo: string): string {
	return toFolderPath(template.replaceAll('{instanceNo}', instanceNo))
}

/** The longest number an instance can have: a template that is valid with it is valid with every other. */
const LONGEST_INSTANCE_NO = '9'.repeat(20)

/** Whether every instance gets a valid folder from the template. */
export function isFolderTemplate(template: string): boolean {
	return FOLDER_PATH.test(renderFolderPath(template, LONGEST_INSTANCE_NO))
}
