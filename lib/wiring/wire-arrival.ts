import { type Completions, createCompletions } from '../aws/completions.ts'
import type { LambdaTime } from '../deadline.ts'
import { createObjectStorage } from '../object-storage/client.ts'
import { createListObjects, shareListings } from '../object-storage/list-objects.ts'
import { createCheckObserver, createUnrecordedObserver } from '../observe/observe.ts'
import type { ArrivalPorts } from '../ports.ts'
import { type Wired, wire } from './wire.ts'

export interface WiredArrival extends Pick<Wired, 'config' | 'metrics' | 'logger'> {
	/** What one invocation works with. */
	begin: (context: LambdaTime) => { ports: ArrivalPorts; completions: Completions }
}

/** What an arrival check needs. In a file of its own, so that the other functions do not carry the S3 client. */
export function wireArrivalCheck(): WiredArrival {
	const { config, credentials, metrics, logger, begin } = wire('on-arrival-check')
	const { arrival, exportsTableName } = config
	if (arrival === null) throw new Error('arrival is null, although readConfig requires it of this function')
	const { deadlineMs, resendAfterMs, keyPrefix } = arrival
	const listObjects = createListObjects(createObjectStorage(arrival, credentials.get))
	const observe = createCheckObserver(logger, metrics)
	const observeUnrecorded = createUnrecordedObserver(logger)
	return {
		config,
		metrics,
		logger,
		begin: (context) => {
			const { ports, dynamodb } = begin(context)
			const completions = createCompletions(dynamodb, exportsTableName)
			if (ports.arrival === null)
				throw new Error('arrival is null, although readConfig requires it of this function')
			const { schedule } = ports.arrival
			const { record: recordCompletion } = completions
			return {
				completions,
				ports: {
					...ports,
					// The checks of one batch look into the same buckets.
					listObjects: shareListings(listObjects),
					schedule,
					recordCompletion,
					deadlineMs,
					resendAfterMs,
					keyPrefix,
					observe,
					observeUnrecorded,
				},
			}
		},
	}
}
