/** One of NCP's managed databases, by the names that its API uses. */
export interface ProductRow {
	/** First part of the path of its actions, and its part of an event's `source`. */
	path: string
	/** The parameter with the instance's number. */
	instanceField: string
	/** The parameter with the backup file's name. */
	fileField: string
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

/**
 * The names that differ from product to product. They appear at the wire and in events; everywhere else the code speaks
 * of `product`, `instanceNo` and `fileName`. Source: NCP API guide, exportBackupToObjectStorage and the two lists of each product.
 */
export const PRODUCTS = {
	postgresql: {
		path: 'vpostgresql',
		instanceField: 'cloudPostgresqlInstanceNo',
		fileField: 'fileName',
		discovery: {
			instances: {
				action: 'getCloudPostgresqlInstanceList',
				list: 'cloudPostgresqlInstanceList',
				row: 'cloudPostgresqlInstance',
			},
			backups: {
				action: 'getCloudPostgresqlBackupDetailList',
				list: 'cloudPostgresqlBackupDetailList',
				row: 'cloudPostgresqlBackupDetail',
			},
			nameField: 'cloudPostgresqlServiceName',
			statusField: 'cloudPostgresqlInstanceStatus',
		},
	},
} as const satisfies Record<string, ProductRow>

export type Product = keyof typeof PRODUCTS

/** Used for a request without an instance field. */
export const DEFAULT_PRODUCT: Product = 'postgresql'

/** The product whose instance field is among these fields; the default product when there is none. */
export function productOf(fields: Readonly<Record<string, unknown>>): Product {
	const products = Object.keys(PRODUCTS) as Product[]
	return products.find((name) => Object.hasOwn(fields, PRODUCTS[name].instanceField)) ?? DEFAULT_PRODUCT
}

/** Something made once for each product. */
export function mapProducts<T>(make: (product: Product) => T): Readonly<Record<Product, T>> {
	const products = Object.keys(PRODUCTS) as Product[]
	return Object.fromEntries(products.map((product) => [product, make(product)])) as Record<Product, T>
}
