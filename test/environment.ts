/** The variables that every function needs; all values are fake. */
export const ENVIRONMENT = {
	AWS_REGION: 'ap-northeast-2',
	AWS_ACCESS_KEY_ID: 'a',
	AWS_SECRET_ACCESS_KEY: 'b',
	NCP_ACCESS_KEY: 'AK',
	NCP_SECRET_KEY: 'SK',
	RESULT_TOPIC_ARN: 'arn:topic',
	REQUEST_QUEUE_URL: 'http://queue',
	DEAD_LETTER_QUEUE_URL: 'http://dead',
	EXPORTS_TABLE_NAME: 'exports',
}
