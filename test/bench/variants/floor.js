import { createHmac } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'

/** The least that calls NCP at all: no table, no topic, no validation, and no reply is lost here. */
const url = new URL('/vpostgresql/v2/exportBackupToObjectStorage', process.env.NCP_API_URL)
const { request } = url.protocol === 'https:' ? https : http

export async function handler(event) {
	const isDone = await Promise.all(event.Records.map((record) => exportBackup(JSON.parse(record.body))))
	const failed = event.Records.filter((_record, index) => !isDone[index])
	return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

async function exportBackup(fields) {
	const { status, text } = await post(new URLSearchParams({ regionCode: 'KR', ...fields }).toString())
	return status === 200 && /<returnCode>0<\/returnCode>/.test(text)
}

function post(body) {
	const timestamp = String(Date.now())
	const signed = `POST ${url.pathname}\n${timestamp}\n${process.env.NCP_ACCESS_KEY}`
	const headers = {
		'content-type': 'application/x-www-form-urlencoded',
		'content-length': Buffer.byteLength(body),
		'x-ncp-apigw-timestamp': timestamp,
		'x-ncp-iam-access-key': process.env.NCP_ACCESS_KEY,
		'x-ncp-apigw-signature-v2': createHmac('sha256', process.env.NCP_SECRET_KEY)
			.update(signed)
			.digest('base64'),
	}
	return new Promise((resolve, reject) => {
		request(url, { method: 'POST', headers }, (response) => {
			let text = ''
			response.setEncoding('utf8')
			response.on('data', (chunk) => {
				text += chunk
			})
			response.on('end', () => resolve({ status: response.statusCode, text }))
			response.on('error', reject)
		})
			.on('error', reject)
			.end(body)
	})
}
