declare module 'dynalite' {
	import type { Server } from 'node:http'
	/** DynamoDB in memory; the delays are those of creating, changing and deleting a table. */
	export default function dynalite(options: {
		createTableMs: number
		deleteTableMs: number
		updateTableMs: number
	}): Server
}
