import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns'
import { DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import axios from 'axios'
import CryptoJS from 'crypto-js'
import { parseStringPromise } from 'xml2js'

/** As posts about signing NCP's API and about SQS consumers write it: one record after another. */
const sns = new SNSClient({ region: process.env.AWS_REGION })
const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient({ region: process.env.AWS_REGION }))

/** For comparing CPU alone; nothing is loaded differently. */
const hasTable = process.env.WITHOUT_TABLE !== '1'

export const handler = async (event) => {
	const batchItemFailures = []
	for (const record of event.Records) {
		try {
			await processRecord(record)
		} catch (error) {
			console.error(error)
			batchItemFailures.push({ itemIdentifier: record.messageId })
		}
	}
	return { batchItemFailures }
}

async function processRecord(record) {
	const request = JSON.parse(record.body)
	if (!request.cloudPostgresqlInstanceNo || !request.fileName || !request.bucketName) {
		throw new Error('cloudPostgresqlInstanceNo, fileName and bucketName are required')
	}
	const exportKey = `${request.cloudPostgresqlInstanceNo}/${request.bucketName}/${request.fileName}`
	if (hasTable) await claim(exportKey)
	const result = await callNcp(request)
	if (result.returnCode !== '0') throw new Error(`NCP returned ${result.returnCode} ${result.returnMessage}`)
	if (hasTable) await finish(exportKey, result)
	await sns.send(
		new PublishCommand({
			TopicArn: process.env.RESULT_TOPIC_ARN,
			Message: JSON.stringify({ ...request, status: 'accepted', requestId: result.requestId }),
			MessageAttributes: { status: { DataType: 'String', StringValue: 'accepted' } },
		}),
	)
	console.log('exported', exportKey, result.requestId)
}

async function callNcp({ cloudPostgresqlInstanceNo, fileName, bucketName }) {
	const query = new URLSearchParams({ regionCode: 'KR', cloudPostgresqlInstanceNo, fileName, bucketName })
	const url = `/vpostgresql/v2/exportBackupToObjectStorage?${query}`
	const timestamp = Date.now().toString()
	const { data } = await axios.get(process.env.NCP_API_URL + url, {
		headers: {
			'x-ncp-apigw-timestamp': timestamp,
			'x-ncp-iam-access-key': process.env.NCP_ACCESS_KEY,
			'x-ncp-apigw-signature-v2': makeSignature('GET', url, timestamp),
		},
		timeout: 10_000,
	})
	const { exportBackupToObjectStorageResponse } = await parseStringPromise(data, { explicitArray: false })
	return exportBackupToObjectStorageResponse
}

function makeSignature(method, url, timestamp) {
	const hmac = CryptoJS.algo.HMAC.create(CryptoJS.algo.SHA256, process.env.NCP_SECRET_KEY)
	hmac.update(method)
	hmac.update(' ')
	hmac.update(url)
	hmac.update('\n')
	hmac.update(timestamp)
	hmac.update('\n')
	hmac.update(process.env.NCP_ACCESS_KEY)
	return hmac.finalize().toString(CryptoJS.enc.Base64)
}

function claim(exportKey) {
	return dynamo.send(
		new PutCommand({
			TableName: process.env.EXPORTS_TABLE_NAME,
			Item: { exportKey, status: 'started', startedAt: new Date().toISOString() },
			ConditionExpression: 'attribute_not_exists(exportKey)',
		}),
	)
}

function finish(exportKey, { requestId }) {
	return dynamo.send(
		new UpdateCommand({
			TableName: process.env.EXPORTS_TABLE_NAME,
			Key: { exportKey },
			UpdateExpression: 'SET #status = :status, requestId = :requestId',
			ExpressionAttributeNames: { '#status': 'status' },
			ExpressionAttributeValues: { ':status': 'accepted', ':requestId': requestId },
		}),
	)
}
