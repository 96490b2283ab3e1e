import { type Completions, createCompletions } from '../aws/completions.ts'
import type { LambdaTime } from '../deadline.ts'
import { createObjectStorage } from '../object-storage/client.ts'
import { createFindObject } from '../object-storage/find-object.ts'
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
	const { deadlineMs, resendAfterMs } = arrival
	const findObject = createFindObject(createObjectStorage(arrival, credentials.get), arrival.keyPrefix)
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
			const observers = { observe, observeUnrecorded }
			return {
				completions,
				ports: { ...ports, findObject, schedule, recordCompletion, deadlineMs, resendAfterMs, ...observers },
			}
		},
	}
}
