import { RequestInvalid } from '../errors.ts'
import type { ExportRequest } from '../request/export-request.ts'

/** The error of a request whose destination is another instance's. It says the way out. */
export function destinationTaken({ folderPath }: ExportRequest, holder: string): RequestInvalid {
	const [field, wayOut] =
		folderPath === undefined
			? ['bucketName', 'give each instance a folderPath of its own, or another bucket']
			: ['folderPath', 'give each instance a folder of its own, or another bucket']
	const detail = `already receives a file of this name from another instance (${holder}): ${wayOut}`
	return new RequestInvalid([{ field, detail }], 'DESTINATION_TAKEN')
}
