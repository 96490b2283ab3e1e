import type { CallNcp } from '../ports.ts'
import { rowOf } from '../products.ts'
import type { ExportRequest } from '../request/export-request.ts'
import type { CallAction } from './call-action.ts'

/** The export action of every product. Source of path and parameters: NCP API guide, exportBackupToObjectStorage. */
export function createExportAction(callAction: CallAction): CallNcp {
	return (request, timeoutMs) =>
		callAction(toActionPath(request), encodeForm(toParameters(request)), timeoutMs)
}

function toActionPath({ product }: ExportRequest): string {
	return `/${rowOf(product).path}/v2/exportBackupToObjectStorage`
}

function toParameters(request: ExportRequest): Record<string, string | undefined> {
	const { product, regionCode, fileName, chosen, bucketName, folderPath, instanceNo, responseFormatType } =
		request
	const { instanceField, fileField } = rowOf(product)
	return {
		regionCode,
		[fileField]: fileName,
		...chosen,
		bucketName,
		folderPath,
		[instanceField]: instanceNo,
		responseFormatType,
	}
}

/** Percent-encoded UTF-8 with %20, not +: one text serves as form body and as query, where + is ambiguous. */
export function encodeForm(parameters: Readonly<Record<string, string | undefined>>): string {
	return Object.entries(parameters)
		.filter((pair): pair is [string, string] => pair[1] !== undefined)
		.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
		.join('&')
}
