import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Starts a server on 127.0.0.1 and returns its URL. Port 0 picks a free port. */
export async function listen(server: Server, port = 0): Promise<string> {
	server.listen(port, '127.0.0.1')
	await once(server, 'listening')
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Reads a whole body. Throws when it exceeds `maxBytes`. */
export async function readAll(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
	const chunks: Buffer[] = []
	let bytes = 0
	for await (const chunk of message as AsyncIterable<Buffer>) {
		bytes += chunk.length
		if (bytes > maxBytes) throw new Error(`the body is larger than ${maxBytes} bytes`)
		chunks.push(chunk)
	}
	return Buffer.concat(chunks)
}

/** Closes the server and its open connections. */
export async function close(server: Server): Promise<void> {
	server.closeAllConnections()
	await new Promise((resolve) => server.close(resolve))
}
