/** A managed database as the simulator knows it: by the names of its API, written down apart from the client's. */
export interface SimulatedProduct {
	/** First part of its paths. */
	path: string
	/** As in `cloudPostgresql`; its parameters, lists and rows begin with it. */
	prefix: string
	fileField: string
	/** The parameters that the export action knows beside those of every product. */
	parameters: readonly string[]
	/** Those that must be there, and the values that they may have. */
	choices?: Readonly<Record<string, readonly string[]>>
	/** NCP ignores a parameter that it does not know: seen for Cache, whose `folderPath` has no effect. */
	ignores?: readonly string[]
	/** Whether there are list actions that name its files. */
	isListed?: boolean
}

/** Source: NCP API guide, exportBackupToObjectStorage of each product. */
export const SIMULATED_PRODUCTS: readonly SimulatedProduct[] = [
	{
		path: 'vpostgresql',
		prefix: 'cloudPostgresql',
		fileField: 'fileName',
		parameters: ['folderPath'],
		isListed: true,
	},
	{ path: 'vmysql', prefix: 'cloudMysql', fileField: 'fileName', parameters: ['folderPath'], isListed: true },
	{ path: 'vmongodb', prefix: 'cloudMongoDb', fileField: 'objectName', parameters: [] },
	{
		path: 'vcache',
		prefix: 'cloudCache',
		fileField: 'fileName',
		parameters: ['backupTypeMode'],
		choices: { backupTypeMode: ['SYSTEM', 'MANUAL'] },
		ignores: ['folderPath'],
	},
]

/** Of an instance that names no product. */
export const DEFAULT_PATH = 'vpostgresql'

/** The parameter with the number of an instance. */
export function toInstanceField({ prefix }: SimulatedProduct): string {
	return `${prefix}InstanceNo`
}
