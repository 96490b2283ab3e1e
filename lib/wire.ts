import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { SNSClient } from '@aws-sdk/client-sns'
import { ulid } from 'ulid'
import { createTopic } from './aws/topic.ts'
import { type Config, type FunctionName, readConfig } from './config.ts'
import type { ExportPorts } from './export-backup.ts'
import { createNcpClient } from './ncp/client.ts'
import { createObserver } from './observe.ts'

export interface Wired {
	config: Config
	ports: ExportPorts
	metrics: Metrics
	logger: Logger
}

/** Reads the environment and builds every client, once a function instance. Throws `CONFIG_INVALID`. */
export function wire(functionName: FunctionName): Wired {
	const config = readConfig(process.env, functionName)
	const logger = new Logger({ serviceName: 'ncp-backup-exporter' })
	const metrics = new Metrics({ namespace: 'NcpBackupExporter', serviceName: 'ncp-backup-exporter' })
	const sns = new SNSClient({
		...config.aws,
		maxAttempts: 3,
		requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
	})
	const ports: ExportPorts = {
		callNcp: createNcpClient({
			apiUrl: config.apiUrl,
			keys: config.ncpKeys,
			timeoutMs: config.ncpTimeoutMs,
			now: Date.now,
		}),
		publish: createTopic(sns, config.resultTopicArn),
		now: Date.now,
		createExportId: ulid,
		observe: createObserver(logger, metrics),
	}
	return { config, ports, metrics, logger }
}
