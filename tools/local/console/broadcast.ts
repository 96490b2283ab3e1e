import type { ServerResponse } from 'node:http'

/** Server-sent events to every open page. */
export interface Broadcast {
	/** Adds a page, and sends it the newest of each kind. False, and nothing is sent, when there are too many. */
	add: (response: ServerResponse) => boolean
	/** Sends a value to all pages if it differs from the last one of its kind. */
	publish: (kind: string, value: unknown) => void
	/** Sends a value that is not kept for later pages. */
	announce: (kind: string, value: unknown) => void
	clients: () => number
	stop: () => void
}

const MAX_CLIENTS = 8
/** A page that reads so slowly is disconnected, and comes back by itself. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function createBroadcast(): Broadcast {
	const clients = new Set<ServerResponse>()
	const newest = new Map<string, string>()

	const send = (client: ServerResponse, text: string): void => {
		if (client.writableLength > MAX_UNREAD_BYTES) client.destroy()
		else client.write(text)
	}
	const toText = (kind: string, json: string): string => `event: ${kind}\ndata: ${json}\n\n`

	return {
		add: (response) => {
			if (clients.size >= MAX_CLIENTS) return false
			clients.add(response)
			response.once('close', () => clients.delete(response))
			response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
			send(response, 'retry: 1000\n\n')
			for (const [kind, json] of newest) send(response, toText(kind, json))
			return true
		},
		publish: (kind, value) => {
			const json = JSON.stringify(value)
			if (newest.get(kind) === json) return
			newest.set(kind, json)
			for (const client of clients) send(client, toText(kind, json))
		},
		announce: (kind, value) => {
			for (const client of clients) send(client, toText(kind, JSON.stringify(value)))
		},
		clients: () => clients.size,
		stop: () => {
			for (const client of clients) client.destroy()
		},
	}
}
