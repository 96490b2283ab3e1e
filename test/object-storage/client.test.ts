import { createServer, type IncomingMessage } from 'node:http'
import { GetObjectCommand, ListObjectsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterEach, expect, it } from 'vitest'
import { fixedCredentials } from '../../lib/ncp/key-pair.ts'
import { createObjectStorage } from '../../lib/object-storage/client.ts'
import { close, listen } from '../../tools/local/listen.ts'

const readKeyPair = fixedCredentials({ accessKey: 'AK', secretKey: 'SK' }).get

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
	for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** Object Storage that answers every request with this status. */
async function start(status: number, read = readKeyPair) {
	const requests: IncomingMessage[] = []
	const server = createServer((request, response) => {
		requests.push(request)
		request.resume()
		response.writeHead(status).end('<ListBucketResult/>')
	})
	// To a bare address, the SDK would speak path style anyway.
	const objectStorageUrl = (await listen(server)).replace('127.0.0.1', 'localhost')
	const client = createObjectStorage({ objectStorageUrl, objectStorageRegion: 'kr-standard' }, read)
	cleanups.push(async () => {
		client.destroy()
		await close(server)
	})
	return { client, requests }
}

it('names the bucket in the path, and signs for the region with NCP’s key pair', async () => {
	const { client, requests } = await start(200)
	await client.send(new ListObjectsCommand({ Bucket: 'my-bucket' }))
	expect(requests[0]?.url).toMatch(/^\/my-bucket\/?(\?|$)/)
	expect(requests[0]?.headers.authorization).toMatch(
		/^AWS4-HMAC-SHA256 Credential=AK\/\d{8}\/kr-standard\/s3\/aws4_request/,
	)
})

it('sends no checksum and asks for none', async () => {
	const { client, requests } = await start(200)
	await client.send(new PutObjectCommand({ Bucket: 'my-bucket', Key: 'k', Body: 'x' }))
	await client.send(new GetObjectCommand({ Bucket: 'my-bucket', Key: 'k' }))
	const names = requests.flatMap(({ headers }) => Object.keys(headers))
	expect(names.filter((name) => /checksum|trailer/.test(name))).toEqual([])
})

it('gives the SDK keys that it asks for again', async () => {
	const { client } = await start(200)
	expect(await client.config.credentials()).toMatchObject({
		accessKeyId: 'AK',
		secretAccessKey: 'SK',
		expiration: expect.any(Date),
	})
})

it('tries a request twice', async () => {
	const { client, requests } = await start(503)
	await expect(client.send(new ListObjectsCommand({ Bucket: 'my-bucket' }))).rejects.toThrow()
	expect(requests).toHaveLength(2)
})

it('sends nothing when the key pair cannot be read', async () => {
	const { client, requests } = await start(200, () => Promise.reject(new Error('no secret')))
	await expect(client.send(new ListObjectsCommand({ Bucket: 'my-bucket' }))).rejects.toThrow('no secret')
	expect(requests).toEqual([])
})
