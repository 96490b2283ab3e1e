import { type Command, Option } from 'commander'
import { DEFAULT_PRODUCT, PRODUCT_NAMES, type Product, rowOf } from '../../../lib/products.ts'

/** The options that name one request. */
export interface RequestOptions {
	product?: Product
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

/** What some product's requests name beside the fields of every product, such as `backupTypeMode`. */
const CHOICES = PRODUCT_NAMES.flatMap((product) =>
	Object.entries(rowOf(product).choices).map(([name, values]) => ({ product, name, values })),
)

export function withRequestOptions(command: Command, { folder, regionCode, key }: Descriptions): Command {
	command
		.addOption(
			new Option('--product <name>', `what the instance runs (default: ${DEFAULT_PRODUCT})`).choices(
				PRODUCT_NAMES,
			),
		)
		.option('--instance <number>', 'its number')
		.option('--file <name>', toFileFields())
	for (const { product, name, values } of CHOICES)
		command.option(`--${toKebab(name)} <value>`, `${name} of a ${product} backup: ${values.join(' or ')}`)
	return command
		.option('--bucket <name>', 'bucketName')
		.option('--folder <path>', folder)
		.option('--region-code <code>', regionCode)
		.option('--key <text>', key)
}

/** The request that the options name, in the API's own names. A field is undefined if its option was not given. */
export function toRequestFields(options: RequestOptions): Record<string, string | undefined> {
	const { product = DEFAULT_PRODUCT, instance, file, bucket, folder, regionCode, key } = options
	const { instanceField, fileField } = rowOf(product)
	const given = new Map(Object.entries(options))
	return {
		[instanceField]: instance,
		[fileField]: file,
		...Object.fromEntries(CHOICES.map(({ name }) => [name, given.get(name)])),
		bucketName: bucket,
		folderPath: folder,
		regionCode,
		idempotencyKey: key,
	}
}

/** "fileName; objectName of mongodb" */
function toFileFields(): string {
	const usual = rowOf(DEFAULT_PRODUCT).fileField
	const others = PRODUCT_NAMES.filter((product) => rowOf(product).fileField !== usual)
	return [usual, ...others.map((product) => `${rowOf(product).fileField} of ${product}`)].join('; ')
}

function toKebab(name: string): string {
	return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
