declare module 'dynalite' {
	import type { Server } from 'node:http'
	/** DynamoDB in memory. The options are the time that creating, deleting and updating a table takes. */
	export default function dynalite(options: {
		createTableMs: number
		deleteTableMs: number
		updateTableMs: number
	}): Server
}
