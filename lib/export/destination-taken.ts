import { RequestInvalid } from '../errors.ts'
import { rowOf } from '../products.ts'
import { isSameInstance, toHolder } from '../request/export-identity.ts'
import type { ExportRequest } from '../request/export-request.ts'

/** The error of a request whose destination is another instance's, or another kind of backup's. It says what to do. */
export function destinationTaken(request: ExportRequest, holder: string): RequestInvalid {
	const other = isSameInstance(holder, toHolder(request)) ? 'another kind of backup' : 'another instance'
	const { field, wayOut } = toWayOut(request)
	const detail = `already receives a file of this name from ${other} (${holder}): ${wayOut}`
	return new RequestInvalid([{ field, detail }], 'DESTINATION_TAKEN')
}

function toWayOut({ product, folderPath }: ExportRequest): { field: string; wayOut: string } {
	if (folderPath !== undefined)
		return { field: 'folderPath', wayOut: 'give each instance a folder of its own, or another bucket' }
	return rowOf(product).hasFolder
		? { field: 'bucketName', wayOut: 'give each instance a folderPath of its own, or another bucket' }
		: { field: 'bucketName', wayOut: 'name another bucket' }
}
