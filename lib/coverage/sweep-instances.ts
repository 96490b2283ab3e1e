import { timeToLook } from '../deadline.ts'
import type { ListedInstance, SweepPorts } from '../ports.ts'
import { forInstance, type Policy } from './policy.ts'

/** What a sweep did. */
export interface Sweep {
	/** Instances that are checked: a message each is on the coverage queue. */
	instanceNos: readonly string[]
	/** Instances that the policy names and that are not there: NCP does not list them, or not as running. */
	missing: readonly string[]
}

/**
 * Lists the instances of a policy, and puts one message for each on the coverage queue. Throws what the list throws, before
 * any message is sent, and `QUEUE_UNAVAILABLE`. Repeated, it sends the messages again, which does no harm.
 */
export async function sweepInstances(policy: Policy, sweptAt: string, ports: SweepPorts): Promise<Sweep> {
	const { product, regionCode } = policy
	const listed = await ports.listInstances({ product, regionCode }, timeToLook(ports.deadline))
	const sweep = selectInstances(policy, listed)
	await ports.sendMessages(
		sweep.instanceNos.map((instanceNo) =>
			JSON.stringify({ policy: forInstance(policy, instanceNo), instanceNo, sweptAt }),
		),
	)
	return sweep
}

/** Pure. */
export function selectInstances(
	{ instances, exclude }: Pick<Policy, 'instances' | 'exclude'>,
	listed: readonly ListedInstance[],
): Sweep {
	const there = new Set(listed.filter(({ isThere }) => isThere).map(({ instanceNo }) => instanceNo))
	const wanted = instances === 'all' ? [...there].filter((each) => !exclude.includes(each)) : instances
	return {
		instanceNos: wanted.filter((each) => there.has(each)),
		missing: wanted.filter((each) => !there.has(each)),
	}
}
