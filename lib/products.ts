/** One of NCP's managed databases, by the names that its API uses. */
export interface ProductRow {
	/** As NCP's console names it. */
	title: string
	/** First part of the path of its actions, and its part of an event's `source`. */
	path: string
	/** The parameter with the instance's number. */
	instanceField: string
	/** The parameter with the backup file's name. */
	fileField: string
	/** Whether the export action has `folderPath`. NCP ignores a parameter that it does not know. */
	hasFolder: boolean
	/** What else tells one backup from another: required parameters, and the values that each may have. */
	choices: Readonly<Record<string, readonly string[]>>
	/** How its instances and backups are listed; null where NCP documents no list that names the files. */
	discovery: Discovery | null
}

/** Two list actions. Their rows hold `instanceField` and `fileField`. */
export interface Discovery {
	instances: ListNames
	backups: ListNames
	/** An instance's name. */
	nameField: string
	/** An instance's status: a record with a `code`. */
	statusField: string
}

export interface ListNames {
	action: string
	/** The field with the rows. */
	list: string
	/** The element of one row, in XML. */
	row: string
}

/** The lists of a product whose names differ in one word only, as in `getCloudPostgresqlInstanceList`. */
function namedAfter(word: 'Postgresql' | 'Mysql'): Discovery {
	const toNames = (kind: 'Instance' | 'BackupDetail'): ListNames => ({
		action: `getCloud${word}${kind}List`,
		list: `cloud${word}${kind}List`,
		row: `cloud${word}${kind}`,
	})
	return {
		instances: toNames('Instance'),
		backups: toNames('BackupDetail'),
		nameField: `cloud${word}ServiceName`,
		statusField: `cloud${word}InstanceStatus`,
	}
}

/**
 * What differs from product to product. The names appear at the wire and in events; everywhere else the code speaks of
 * `product`, `instanceNo` and `fileName`. Source: NCP API guide, exportBackupToObjectStorage and the two lists of each product.
 */
export const PRODUCTS = {
	postgresql: {
		title: 'PostgreSQL',
		path: 'vpostgresql',
		instanceField: 'cloudPostgresqlInstanceNo',
		fileField: 'fileName',
		hasFolder: true,
		choices: {},
		discovery: namedAfter('Postgresql'),
	},
	mysql: {
		title: 'MySQL',
		path: 'vmysql',
		instanceField: 'cloudMysqlInstanceNo',
		fileField: 'fileName',
		hasFolder: true,
		choices: {},
		discovery: namedAfter('Mysql'),
	},
	mongodb: {
		title: 'MongoDB',
		path: 'vmongodb',
		instanceField: 'cloudMongoDbInstanceNo',
		fileField: 'objectName',
		hasFolder: false,
		choices: {},
		// No documented field of its list holds the object's name.
		discovery: null,
	},
	cache: {
		title: 'Cache',
		path: 'vcache',
		instanceField: 'cloudCacheInstanceNo',
		fileField: 'fileName',
		hasFolder: false,
		choices: { backupTypeMode: ['SYSTEM', 'MANUAL'] },
		// Its lists are not documented reliably.
		discovery: null,
	},
} as const satisfies Record<string, ProductRow>

export type Product = keyof typeof PRODUCTS

export const PRODUCT_NAMES = Object.keys(PRODUCTS) as readonly Product[]

/** The products whose backups can be listed. */
export const LISTED_PRODUCTS = PRODUCT_NAMES.filter((product) => PRODUCTS[product].discovery !== null)

/** Used for a request that gives no hint of its product. */
export const DEFAULT_PRODUCT: Product = 'postgresql'

/** The row of a product, as any row: its fields are not narrowed to those of one product. */
export function rowOf(product: Product): ProductRow {
	return PRODUCTS[product]
}

/** The products whose instance field is among these fields. */
export function productsIn(fields: Readonly<Record<string, unknown>>): Product[] {
	return PRODUCT_NAMES.filter((product) => Object.hasOwn(fields, PRODUCTS[product].instanceField))
}

/** The product of a valid request, by its instance field. */
export function productOf(request: Readonly<Record<string, unknown>>): Product {
	return productsIn(request)[0] ?? DEFAULT_PRODUCT
}

/** Something made once for each product. */
export function mapProducts<T>(make: (product: Product) => T): Readonly<Record<Product, T>> {
	return Object.fromEntries(PRODUCT_NAMES.map((product) => [product, make(product)])) as Record<Product, T>
}
