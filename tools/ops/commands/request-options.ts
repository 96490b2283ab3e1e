import type { Command } from 'commander'

/** The options that name one request. */
export interface RequestOptions {
	instance?: string
	file?: string
	bucket?: string
	folder?: string
	regionCode?: string
	key?: string
}

/** What a command says of the options that mean something else to each of them. */
interface Descriptions {
	folder: string
	regionCode: string
	key: string
}

export function withRequestOptions(command: Command, { folder, regionCode, key }: Descriptions): Command {
	return command
		.option('--instance <number>', 'cloudPostgresqlInstanceNo')
		.option('--file <name>', 'fileName')
		.option('--bucket <name>', 'bucketName')
		.option('--folder <path>', folder)
		.option('--region-code <code>', regionCode)
		.option('--key <text>', key)
}

/** The request that the options name, in the API's own names. A field is undefined if its option was not given. */
export function toRequestFields({ instance, file, bucket, folder, regionCode, key }: RequestOptions) {
	return {
		cloudPostgresqlInstanceNo: instance,
		fileName: file,
		bucketName: bucket,
		folderPath: folder,
		regionCode,
		idempotencyKey: key,
	}
}
