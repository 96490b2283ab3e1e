import { text } from 'node:stream/consumers'
import { handler } from '../../docs/consumer.ts'

/** Gives the batches on standard input, an array of SQS events, to the consumer of docs/, and prints its answers. */
for (const event of JSON.parse(await text(process.stdin))) {
	process.stdout.write(`${JSON.stringify(await handler(event))}\n`)
}
