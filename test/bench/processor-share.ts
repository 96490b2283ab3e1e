import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
const PERIOD_US = 20_000

/** Lambda gives a function a whole processor at 1,769 MB, and a share by its memory below. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
export const MB_OF_A_PROCESSOR = 1_769

export function toShare(memoryMb: number): number {
	return Math.min(1, memoryMb / MB_OF_A_PROCESSOR)
}

export interface ProcessorShare {
	/** A process that writes its id into this file gets no more than the share. */
	procsPath: string
	remove: () => void
}

/** A control group with a share of a processor; null where cgroup v2 is not there, or may not be written. */
export function limitProcessor(share: number): ProcessorShare | null {
	const folder = join(ROOT, `bench-${process.pid}`)
	try {
		if (!readFileSync(join(ROOT, 'cgroup.controllers'), 'utf8').split(/\s/).includes('cpu')) return null
		accessSync(join(ROOT, 'cgroup.subtree_control'), constants.W_OK)
		writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+cpu')
		mkdirSync(folder)
	} catch {
		return null
	}
	writeFileSync(join(folder, 'cpu.max'), `${Math.round(share * PERIOD_US)} ${PERIOD_US}`)
	return { procsPath: join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder) }
}
