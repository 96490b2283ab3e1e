import { createHmac } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns'
import { DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { XMLParser } from 'fast-xml-parser'
import { request } from 'undici'
import { z } from 'zod'

/** What a careful developer takes from the shelf today, whole and with its defaults; records side by side. */
const ExportRequest = z.object({
	cloudPostgresqlInstanceNo: z.string().regex(/^\d{1,20}$/),
	fileName: z.string().min(1).max(255),
	bucketName: z.string().regex(/^[a-z0-9.-]{3,63}$/),
	regionCode: z.string().default('KR'),
})

const sns = new SNSClient()
const table = DynamoDBDocumentClient.from(new DynamoDBClient())
const parser = new XMLParser({ parseTagValue: false })

/** For comparing CPU alone; nothing is loaded differently. */
const hasTable = process.env.WITHOUT_TABLE !== '1'

export async function handler(event) {
	const isDone = await Promise.all(event.Records.map(processRecord))
	const failed = event.Records.filter((_record, index) => !isDone[index])
	return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

async function processRecord({ body }) {
	try {
		const fields = ExportRequest.parse(JSON.parse(body))
		await exportBackup(fields)
		console.log(JSON.stringify({ level: 'INFO', message: 'exported', ...fields }))
		return true
	} catch (error) {
		console.error(error)
		return false
	}
}

async function exportBackup(fields) {
	const exportKey = `${fields.cloudPostgresqlInstanceNo}/${fields.bucketName}/${fields.fileName}`
	if (hasTable) {
		await table.send(
			new PutCommand({
				TableName: process.env.EXPORTS_TABLE_NAME,
				Item: { exportKey, state: 'claimed', claimedAt: Date.now() },
				ConditionExpression: 'attribute_not_exists(exportKey)',
			}),
		)
	}
	const { requestId, returnCode, returnMessage } = await callNcp(fields)
	if (returnCode !== '0') throw new Error(`NCP answered ${returnCode}: ${returnMessage}`)
	if (hasTable) {
		await table.send(
			new UpdateCommand({
				TableName: process.env.EXPORTS_TABLE_NAME,
				Key: { exportKey },
				UpdateExpression: 'SET #state = :state, requestId = :requestId',
				ExpressionAttributeNames: { '#state': 'state' },
				ExpressionAttributeValues: { ':state': 'accepted', ':requestId': requestId },
			}),
		)
	}
	await sns.send(
		new PublishCommand({
			TopicArn: process.env.RESULT_TOPIC_ARN,
			Message: JSON.stringify({ state: 'accepted', request: fields, requestId }),
			MessageAttributes: { state: { DataType: 'String', StringValue: 'accepted' } },
		}),
	)
}

async function callNcp(fields) {
	const path = '/vpostgresql/v2/exportBackupToObjectStorage'
	const timestamp = String(Date.now())
	const { statusCode, body } = await request(process.env.NCP_API_URL + path, {
		method: 'POST',
		headers: {
			'content-type': 'application/x-www-form-urlencoded',
			'x-ncp-apigw-timestamp': timestamp,
			'x-ncp-iam-access-key': process.env.NCP_ACCESS_KEY,
			'x-ncp-apigw-signature-v2': sign(`POST ${path}\n${timestamp}\n${process.env.NCP_ACCESS_KEY}`),
		},
		body: new URLSearchParams(fields).toString(),
		headersTimeout: 10_000,
		bodyTimeout: 10_000,
	})
	const text = await body.text()
	if (statusCode !== 200) throw new Error(`HTTP ${statusCode}: ${text}`)
	return parser.parse(text).exportBackupToObjectStorageResponse
}

function sign(text) {
	return createHmac('sha256', process.env.NCP_SECRET_KEY).update(text).digest('base64')
}
