import { parseRecord } from '../../../lib/formats/json.ts'
import { type ApiRequest, fromApiRequest } from '../../../lib/request/export-request.ts'
import type { DeadLetter, DeadQueue } from '../../ops/dead-letters.ts'
import type { Cloud } from '../cloud.ts'

/** A dead letter as the console shows it. */
export type ListedLetter = Pick<
	DeadLetter,
	'messageId' | 'queue' | 'sentAt' | 'code' | 'reason' | 'isRejected' | 'body'
> & {
	/** The instance and the file that a request asks for; empty when it does not say. */
	about: string
}

export interface Letters {
	/** The newest list; a list that is being made is waited for. */
	list: () => Promise<ListedLetter[]>
	/** Sends letters back to their queues, and resolves with how many. Throws for an id that is no dead letter. */
	redrive: (messageIds: readonly string[]) => Promise<number>
}

const MAX_LETTERS = 100
const MAX_BODY = 2_000
const MAX_ABOUT = 120

/** Reads and redrives dead letters as `npm run ops -- dead-letters` does. One at a time: a letter that is read is hidden from others. */
export function createLetters({ connection, aws, table }: Cloud): Letters {
	const target = { isLocal: true, connection, sqs: aws.sqs, items: table.items }
	let last: Promise<unknown> = Promise.resolve()

	/** Runs `use` on all letters. Those that it takes out of the set are gone, the others are released. */
	const withLetters = <Result>(
		use: (letters: Set<DeadLetter>, ops: Ops) => Promise<Result>,
	): Promise<Result> => {
		const run = async (): Promise<Result> => {
			// Loaded when it is needed: most of the time there are no dead letters.
			const ops = await import('../../ops/dead-letters.ts')
			const letters = new Set<DeadLetter>()
			const queues: readonly DeadQueue[] = ops.DEAD_QUEUES
			try {
				await ops.takeDeadLetters(letters, queues, MAX_LETTERS, target, new AbortController().signal)
				return await use(letters, ops)
			} finally {
				await ops.releaseDeadLetters([...letters], target)
			}
		}
		const result = last.then(run)
		last = result.catch(() => undefined)
		return result
	}

	return {
		list: () => withLetters(async (letters) => [...letters].map(toListed)),
		redrive: (messageIds) =>
			withLetters(async (letters, ops) => {
				const wanted = [...letters].filter(({ messageId }) => messageIds.includes(messageId))
				if (wanted.length < messageIds.length) throw new Error('It is no dead letter any more.')
				for (const letter of wanted) {
					await ops.redriveDeadLetter(letter, target)
					letters.delete(letter)
				}
				return wanted.length
			}),
	}
}

type Ops = typeof import('../../ops/dead-letters.ts')

function toListed({ messageId, queue, sentAt, code, reason, isRejected, body }: DeadLetter): ListedLetter {
	return {
		messageId,
		queue,
		sentAt,
		code,
		reason,
		isRejected,
		about: toAbout(body),
		body: body.slice(0, MAX_BODY),
	}
}

function toAbout(body: string): string {
	const { instanceNo, folderPath = '', fileName } = fromApiRequest((parseRecord(body) ?? {}) as ApiRequest)
	return fileName === '' ? '' : `${instanceNo} ${folderPath}${fileName}`.slice(0, MAX_ABOUT)
}
