import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, expect, it } from 'vitest'
import type { Landing } from '../../tools/local/ncp-simulator.ts'
import { endLeases, readItems } from './table.ts'
import { World } from './world.ts'

let world: World | undefined
afterEach(() => world?.stop())

const REQUEST = { cloudPostgresqlInstanceNo: '1', fileName: '20210528', bucketName: 'my-bucket' }

async function start(landing: Landing = 'plain'): Promise<World> {
	const instances = new Map(
		['1', '2'].map((number) => [number, { regionCode: 'KR', backups: new Set(['20210528']), landing }]),
	)
	world = await World.start({ simulator: { instances } })
	return world
}

/** Turns the table's items into those of a version that knew no destinations. */
async function makeOld({ cloud: { table } }: World, changes: object = {}): Promise<void> {
	for (const { destinationRule: _rule, revision, ...item } of await readItems(table)) {
		const { exportKey } = item
		const isExport = item.fingerprint !== undefined
		const write = isExport
			? new PutCommand({
					TableName: table.tableName,
					Item: { ...item, ...changes, writeToken: revision, version: 1, claimId: 'c' },
				})
			: new DeleteCommand({ TableName: table.tableName, Key: { exportKey } })
		await table.client.send(write as PutCommand)
	}
}

const statesOf = ({ events }: World) => [...new Set(events.map(({ data }) => data.state))]

it('completes an export that an earlier version sent, and gives its destination to the instance', async () => {
	const world = await start()
	await world.send(REQUEST)
	await world.cloud.pollOnce()
	await makeOld(world)
	await world.pass(1, 0.5)
	expect(statesOf(world)).toEqual(['accepted', 'completed'])
	await world.send({ ...REQUEST, cloudPostgresqlInstanceNo: '2' })
	await world.settle()
	expect(world.events.at(-1)?.data.error?.code).toBe('DESTINATION_TAKEN')
	expect(world.cloud.ncp?.performed).toHaveLength(1)
})

it('does not complete it with the copy of an instance that took the place later', async () => {
	const world = await start()
	await world.send(REQUEST)
	await world.cloud.pollOnce()
	await makeOld(world)
	await world.send({ ...REQUEST, cloudPostgresqlInstanceNo: '2' })
	await world.cloud.pollOnce()
	await world.pass(121, 11)
	const last = (instance: string) =>
		world.events.findLast(({ data }) => data.request?.cloudPostgresqlInstanceNo === instance)?.data
	expect(last('1')).toMatchObject({ state: 'unverified', error: { code: 'OBJECT_AMBIGUOUS' } })
	expect(last('2')?.state).toBe('completed')
	expect(await world.cloud.aws.readObject('my-bucket', '20210528')).toBe('backup 20210528 of 2')
})

it('ends an export that an earlier version left open, and republishes its outcome', async () => {
	const world = await start('never')
	await world.send(REQUEST)
	await world.settle()
	await makeOld(world)
	await world.pass(121, 11)
	expect(statesOf(world)).toEqual(['accepted', 'missing'])
	const [first] = world.events.filter(({ data }) => data.terminal)
	await makeOld(world)
	await world.send(REQUEST)
	await world.settle()
	expect(world.events.at(-1)).toEqual(first)
})

it('settles as unknown what an earlier version had claimed when it died, whoever has the destination', async () => {
	const world = await start('never')
	await world.send(REQUEST)
	await world.cloud.pollOnce()
	await makeOld(world, { state: 'claimed', event: null, nextCheck: 0 })
	await endLeases(world.cloud.table)
	await world.send({ ...REQUEST, cloudPostgresqlInstanceNo: '2' })
	await world.cloud.pollOnce()
	await world.send(REQUEST)
	await world.settle()
	expect(
		world.events.findLast(({ data }) => data.request?.cloudPostgresqlInstanceNo === '1')?.data.state,
	).toBe('unknown')
	await world.pass(240, 20)
	// It is not sent once more: the place is the other instance's.
	expect(world.cloud.ncp?.performed.map(({ instanceNo }) => instanceNo)).toEqual(['1', '2'])
})
