import { describe, expect, it } from 'vitest'
import { readOrder } from '../../lib/coverage/read-order.ts'
import { selectInstances, sweepInstances } from '../../lib/coverage/sweep-instances.ts'
import { ExportError } from '../../lib/errors.ts'
import type { ListedInstance } from '../../lib/ports.ts'
import { left } from '../fakes.ts'
import { policy } from './samples.ts'

const instance = (instanceNo: string, isThere = true): ListedInstance => ({ instanceNo, name: 'db', isThere })

describe('selectInstances', () => {
	const listed = [instance('1'), instance('2'), instance('3', false)]

	it.each([
		['all that are there', {}, ['1', '2'], []],
		['all but some', { exclude: ['2', '9'] }, ['1'], []],
		[
			'those of a list, and names those that are not there',
			{ instances: ['2', '3', '4'] },
			['2'],
			['3', '4'],
		],
	])('selects %s', (_name, changes, instanceNos, missing) => {
		expect(selectInstances(policy(changes), listed)).toEqual({ instanceNos, missing })
	})
})

describe('sweepInstances', () => {
	const SWEPT_AT = '2026-11-25T12:00:00.000Z'

	it('sends a message for each instance, which is a valid order of its own', async () => {
		const sent: string[] = []
		const swept = policy({ exclude: ['9'] })
		await sweepInstances(swept, SWEPT_AT, {
			deadline: left(60_000),
			listInstances: async (query) => {
				expect(query).toEqual({ product: 'postgresql', regionCode: 'KR' })
				return [instance('1'), instance('2')]
			},
			sendMessages: async (bodies) => void sent.push(...bodies),
		})
		expect(sent.map((body) => readOrder(body, {}, 0))).toEqual(
			['1', '2'].map((instanceNo) => ({
				policy: { ...swept, instances: [instanceNo], exclude: [] },
				instanceNo,
				sweptAt: SWEPT_AT,
			})),
		)
	})

	it('sends nothing when the list of instances is not whole', async () => {
		const sent: string[] = []
		const ports = {
			deadline: left(60_000),
			listInstances: async () => Promise.reject(new ExportError('NCP_LATER', '7 of 9 rows')),
			sendMessages: async (bodies: readonly string[]) => void sent.push(...bodies),
		}
		await expect(sweepInstances(policy(), SWEPT_AT, ports)).rejects.toMatchObject({ code: 'NCP_LATER' })
		expect(sent).toEqual([])
	})
})
