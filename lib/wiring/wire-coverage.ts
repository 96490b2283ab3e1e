import { setTimeout as sleep } from 'node:timers/promises'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { endBefore } from '../aws/call-aws.ts'
import { createCoverageQueue } from '../aws/coverage-queue.ts'
import type { LambdaTime } from '../deadline.ts'
import { createClock } from '../ncp/gateway-clock.ts'
import { createLists } from '../ncp/lists.ts'
import { createObjectStorage } from '../object-storage/client.ts'
import { createListObjects } from '../object-storage/list-objects.ts'
import { createCoverageObserver, createSweepObserver } from '../observe/observe-coverage.ts'
import type { CoveragePorts, CoverageQueue, ObserveSweep, SweepPorts } from '../ports.ts'
import { toQueueName } from '../url.ts'
import { toQueueEndpoint } from './aws-config.ts'
import { OTHER_TRY_MS, type Wired, wire } from './wire.ts'
import { wireAws } from './wire-aws.ts'

export interface WiredCoverage extends Pick<Wired, 'config' | 'metrics' | 'logger'> {
	observeSweep: ObserveSweep
	/** What one invocation works with. */
	begin: (context: LambdaTime) => { ports: CoveragePorts & SweepPorts; hide: CoverageQueue['hide'] }
}

/** What coverage checks need. In a file of its own, so that the other functions carry neither lists nor the S3 client. */
export function wireCoverage(): WiredCoverage {
	const { config, credentials, metrics, logger, begin } = wire('on-coverage-check')
	const { arrival, aws, coverageQueueUrl, apiUrl, ncpTimeoutMs, ncpMethod, serviceName } = config
	if (arrival === null || coverageQueueUrl === null)
		throw new Error('arrival and coverageQueueUrl are not null: readConfig requires both of this function')
	const lists = createLists({
		apiUrl,
		credentials,
		timeoutMs: ncpTimeoutMs,
		clock: createClock(Date.now),
		method: ncpMethod,
		sleep,
		random: Math.random,
	})
	const listObjects = createListObjects(createObjectStorage(arrival, credentials.get))
	const endpoints = { ...aws.endpoints, sqs: toQueueEndpoint(aws, coverageQueueUrl) }
	const callSqs = wireAws({ ...aws, endpoints }, 'sqs', toQueueName(coverageQueueUrl), OTHER_TRY_MS)
	const policyMetrics = new Metrics({ namespace: 'NcpBackupExporter', serviceName })
	const observe = createCoverageObserver(logger, metrics, policyMetrics)
	return {
		config,
		metrics,
		logger,
		observeSweep: createSweepObserver(logger, metrics),
		begin: (context) => {
			const { ports, queue, sendToTopic } = begin(context)
			const { deadline, now, ledger, destinations } = ports
			const { sendMessages, hide } = createCoverageQueue(endBefore(deadline, callSqs), coverageQueueUrl)
			return {
				hide,
				ports: {
					deadline,
					now,
					apiUrl,
					...lists,
					listObjects,
					ledger,
					destinations,
					requestQueue: queue,
					sendToTopic,
					sendMessages,
					observe,
				},
			}
		},
	}
}
