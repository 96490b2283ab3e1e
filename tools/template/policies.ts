import { getAtt, QUEUES, type Resource, type Resources, ref } from './cloudformation.ts'

/** Denies every action of every principal over a connection without TLS. */
const denyPlainText = (action: string, Resource: unknown) => ({
	Sid: 'OnlyOverTls',
	Effect: 'Deny',
	Principal: '*',
	Action: action,
	Resource,
	Condition: { Bool: { 'aws:SecureTransport': 'false' } },
})

/** Lets SNS topics and EventBridge rules send requests to the queue. `arns` is separated by commas. */
function allowSources(arns: string): object[] {
	if (arns === '') return []
	return [
		{
			Sid: 'RequestSources',
			Effect: 'Allow',
			Principal: { Service: ['sns.amazonaws.com', 'events.amazonaws.com'] },
			Action: 'sqs:SendMessage',
			Resource: getAtt('RequestQueue'),
			Condition: { ArnEquals: { 'aws:SourceArn': arns.split(',') } },
		},
	]
}

function queuePolicy(queue: string, more: readonly object[]): Resource {
	return {
		Type: 'AWS::SQS::QueuePolicy',
		Properties: {
			Queues: [ref(queue)],
			PolicyDocument: {
				Version: '2012-10-17',
				Statement: [denyPlainText('sqs:*', getAtt(queue)), ...more],
			},
		},
	}
}

function topicPolicy(topic: string, more: readonly object[] = []): Resource {
	return {
		Type: 'AWS::SNS::TopicPolicy',
		Properties: {
			Topics: [ref(topic)],
			PolicyDocument: {
				Version: '2012-10-17',
				Statement: [denyPlainText('sns:Publish', ref(topic)), ...more],
			},
		},
	}
}

const ALARMS_OF_THIS_ACCOUNT = { StringEquals: { 'aws:SourceAccount': ref('AWS::AccountId') } }

/** Resource policies: TLS only for queues and topics; CloudWatch may publish alarms and use the key. */
export function policies(requestSourceArns: string): Resources {
	return {
		...Object.fromEntries(
			QUEUES.map((queue) => [
				`${queue}Policy`,
				queuePolicy(queue, queue === 'RequestQueue' ? allowSources(requestSourceArns) : []),
			]),
		),
		ResultTopicPolicy: topicPolicy('ResultTopic'),
		OperationsTopicPolicy: topicPolicy('OperationsTopic', [
			{
				Sid: 'Alarms',
				Effect: 'Allow',
				Principal: { Service: 'cloudwatch.amazonaws.com' },
				Action: 'sns:Publish',
				Resource: ref('OperationsTopic'),
				Condition: ALARMS_OF_THIS_ACCOUNT,
			},
		]),
		// A key of our own: the policy of AWS's managed key does not allow CloudWatch alarms to publish.
		OperationsKey: {
			Type: 'AWS::KMS::Key',
			Properties: {
				Description: 'Encrypts the alarms of the backup exporter',
				EnableKeyRotation: true,
				KeyPolicy: {
					Version: '2012-10-17',
					Statement: [
						{
							Sid: 'Account',
							Effect: 'Allow',
							Principal: { AWS: { 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root' } },
							Action: 'kms:*',
							Resource: '*',
						},
						{
							Sid: 'Alarms',
							Effect: 'Allow',
							Principal: { Service: 'cloudwatch.amazonaws.com' },
							Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
							Resource: '*',
							Condition: ALARMS_OF_THIS_ACCOUNT,
						},
					],
				},
			},
		},
	}
}
