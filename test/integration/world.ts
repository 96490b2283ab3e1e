import {
	DeleteMessageCommand,
	GetQueueAttributesCommand,
	ReceiveMessageCommand,
	SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { DeleteCommand } from '@aws-sdk/lib-dynamodb'
import { vi } from 'vitest'
import type { CoverageEvent } from '../../lib/coverage/coverage-event.ts'
import type { OutcomeEvent } from '../../lib/outcome/outcome.ts'
import { type Cloud, type CloudOptions, startCloud } from '../../tools/local/cloud.ts'
import type { InvocationResult } from '../../tools/local/function-process.ts'
import { type GateCall, gateWith, type Intercept } from '../gate.ts'
import { readItems } from './table.ts'

/** What can be down: NCP, the topic, the table, or the queue of arrival checks. */
export type Service = 'ncp' | 'topic' | 'table' | 'arrivals'

export interface WorldOptions extends CloudOptions {
	/** Called for every call to a service; true while that service is down. */
	isDown?: (service: Service) => boolean
	/** Stops calls just before or just after they take effect. */
	intercept?: Intercept
}

/**
 * A cloud with a simulated clock, on which hours pass in seconds. Nothing is polled automatically: `pass` advances the
 * clock, delivers due messages as the event source mappings would, and deletes expired items as DynamoDB would.
 */
export class World {
	readonly cloud: Cloud
	readonly events: OutcomeEvent[] = []
	readonly coverage: CoverageEvent[] = []

	readonly #isDown: (service: Service) => boolean

	private constructor(cloud: Cloud, isDown: (service: Service) => boolean) {
		this.cloud = cloud
		this.#isDown = isDown
	}

	static async start(options: WorldOptions): Promise<World> {
		const { isDown = () => false, intercept, ...cloudOptions } = options
		vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 24) })
		const cloud = await startCloud({
			isQueueIdle: true,
			maxBackOffSeconds: Number.POSITIVE_INFINITY,
			arrivalDeadlineMinutes: 120,
			now: Date.now,
			...cloudOptions,
			proxy: gateWith(async (call, phase) => {
				const service = serviceOf(call)
				if (phase === 'before' && service !== null && isDown(service)) throw new Error('down')
				await intercept?.(call, phase)
			}),
			simulator: {
				copyDelayMs: 0,
				...options.simulator,
				fault: async (call) => (isDown('ncp') ? 'unavailable' : options.simulator?.fault?.(call)),
			},
		})
		return new World(cloud, isDown)
	}

	async stop(): Promise<void> {
		await this.cloud.stop()
		vi.useRealTimers()
	}

	async send(body: object): Promise<void> {
		await this.cloud.aws.sqs.send(
			new SendMessageCommand({ QueueUrl: this.cloud.requestQueue.url, MessageBody: JSON.stringify(body) }),
		)
	}

	/** Advances the clock by `minutes`, `stepMinutes` at a time. */
	async pass(minutes: number, stepMinutes = 1): Promise<void> {
		for (let passed = 0; passed < minutes; passed += stepMinutes) {
			vi.setSystemTime(Date.now() + stepMinutes * 60_000)
			await this.settle()
		}
	}

	/** Delivers everything that is due now. */
	async settle(): Promise<void> {
		const { cloud } = this
		while ((await cloud.pollOnce('requests', 0)) > 0);
		const arePolled = !this.#isDown('arrivals')
		while (arePolled && (await cloud.pollOnce('arrivals', 0)) > 0);
		await this.reap()
		await this.readTopic()
	}

	/** Invokes the function as a policy's schedule does, and makes all checks that are due. */
	async sweep(policy: object): Promise<InvocationResult | undefined> {
		const result = await this.cloud.coverageFunction?.invoke({ policy })
		await this.checkCoverage()
		return result
	}

	/** Delivers the coverage checks that are due now. */
	async checkCoverage(): Promise<void> {
		while ((await this.cloud.pollOnce('coverage', 0)) > 0);
		await this.readTopic()
	}

	private async readTopic(): Promise<void> {
		const events = await take<OutcomeEvent | CoverageEvent>(this.cloud, this.cloud.outcomeQueue.url)
		for (const event of events)
			if (event.type === 'ncp.backup.coverage.v1') this.coverage.push(event)
			else this.events.push(event)
	}

	/** Advances the clock without delivering any message. */
	async passUnattended(minutes: number): Promise<void> {
		vi.setSystemTime(Date.now() + minutes * 60_000)
		await this.reap()
	}

	/** Deletes every item from the table, as if done by hand. */
	async forgetAll(): Promise<void> {
		await this.remove(() => true)
	}

	async hasArrivalMessages(): Promise<boolean> {
		const { Attributes = {} } = await this.cloud.aws.sqs.send(
			new GetQueueAttributesCommand({ QueueUrl: this.cloud.arrivalQueue.url, AttributeNames: ['All'] }),
		)
		const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } = Attributes
		return Number(ApproximateNumberOfMessages) + Number(ApproximateNumberOfMessagesNotVisible) > 0
	}

	/** The bodies in the dead-letter queues. */
	async deadLetters(): Promise<unknown[]> {
		const { cloud } = this
		return [
			...(await take(cloud, cloud.deadLetterQueue.url)),
			...(await take(cloud, cloud.arrivalDeadLetterQueue.url)),
		]
	}

	private async reap(): Promise<void> {
		await this.remove(({ expiresAt }) => expiresAt !== undefined && Number(expiresAt) * 1000 <= Date.now())
	}

	private async remove(isRemoved: (item: Record<string, unknown>) => boolean): Promise<void> {
		const { table } = this.cloud
		for (const item of (await readItems(table)).filter(isRemoved)) {
			const { exportKey } = item
			await table.client.send(new DeleteCommand({ TableName: table.tableName, Key: { exportKey } }))
		}
	}
}

const SERVICES: Readonly<Record<string, Service>> = {
	GetItem: 'table',
	PutItem: 'table',
	PutDestination: 'table',
	UpdateItem: 'table',
	DeleteItem: 'table',
	Query: 'table',
	PublishBatch: 'topic',
}

function serviceOf({ operation, body }: GateCall): Service | null {
	if (operation === 'SendMessage' && body.includes('export-arrivals')) return 'arrivals'
	return SERVICES[operation] ?? null
}

async function take<Body>({ aws }: Cloud, QueueUrl: string): Promise<Body[]> {
	const bodies: Body[] = []
	for (;;) {
		const { Messages = [] } = await aws.sqs.send(
			new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
		)
		if (Messages.length === 0) return bodies
		for (const { Body = '', ReceiptHandle } of Messages) {
			bodies.push(JSON.parse(Body) as Body)
			await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
		}
	}
}
