import { createServer } from 'node:http'
import { close, listen, readAll } from '../tools/local/listen.ts'

export interface EmbeddedSecrets {
	url: string
	put: (secretId: string, value: string) => void
	/** How often a secret was read. */
	reads: () => number
	stop: () => Promise<void>
}

/** The only Secrets Manager operation that the functions use. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
export async function startEmbeddedSecrets(): Promise<EmbeddedSecrets> {
	const secrets = new Map<string, string>()
	let reads = 0
	const server = createServer(async (request, response) => {
		const { SecretId = '' } = JSON.parse((await readAll(request, 64 * 1024)).toString('utf8')) as {
			SecretId?: string
		}
		const isKnown =
			request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue' && secrets.has(SecretId)
		reads++
		response.writeHead(isKnown ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' })
		response.end(
			JSON.stringify(
				isKnown
					? { Name: SecretId, SecretString: secrets.get(SecretId) }
					: {
							__type: 'ResourceNotFoundException',
							Message: 'Secrets Manager can’t find the specified secret.',
						},
			),
		)
	})
	const url = await listen(server)
	return {
		url,
		put: (secretId, value) => secrets.set(secretId, value),
		reads: () => reads,
		stop: () => close(server),
	}
}
