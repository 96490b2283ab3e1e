import { RequestInvalid } from '../errors.ts'
import type { ExportPorts } from '../ports.ts'
import type { ExportRequest } from '../request/export-request.ts'

/** Resolves with null when the destination is the instance's, and with the error of the request when it is another's. */
export async function takeDestination(
	request: ExportRequest,
	exportKey: string,
	{ destinations, now }: Pick<ExportPorts, 'destinations' | 'now'>,
): Promise<RequestInvalid | null> {
	const holder = await destinations.take(request, exportKey, now())
	return holder === null ? null : destinationTaken(request, holder)
}

function destinationTaken({ folderPath }: ExportRequest, holder: string): RequestInvalid {
	const [field, wayOut] =
		folderPath === undefined
			? ['bucketName', 'give each instance a folderPath of its own, or another bucket']
			: ['folderPath', 'give each instance a folder of its own, or another bucket']
	const detail = `already receives a file of this name from another instance (${holder}): ${wayOut}`
	return new RequestInvalid([{ field, detail }], 'DESTINATION_TAKEN')
}
