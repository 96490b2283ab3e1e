import { LOCAL_KEYS } from '../cloud.ts'
import type { ExportCall, Fault } from '../ncp-simulator.ts'
import { FAULTS, type FaultName } from './words.ts'

/** Whose call a fault waits for; left out, the next one's. */
export type FaultTarget = Pick<ExportCall, 'instanceNo' | 'fileName'>

/** What the faults work on. */
export interface Breakable {
	/** Kills every function that can call NCP. */
	killFunctions: () => void
	failPublishes: (count: number) => void
	setTableDown: (isDown: boolean) => void
}

export interface Faults {
	/** Planted again, a fault starts over. */
	plant: (name: FaultName, target?: FaultTarget) => void
	remove: (name: FaultName) => void
	/** What is planted, and how many calls each will still hit; null = until it is removed. */
	planted: () => Partial<Record<FaultName, number | null>>
	/** For the simulator: how it answers this call, if a fault is waiting for it. */
	onCall: (call: ExportCall) => Fault | undefined
	/** For the simulator: true when the copy of this key is to get lost. Asked once for each copy. */
	losesCopy: (key: string) => boolean
	/** For the simulator: the keys that it knows. */
	keys: ReadonlyMap<string, string>
}

/** How the simulator answers a call that a fault hits; undefined = as it should. */
const ANSWERS: Readonly<Partial<Record<FaultName, Fault | undefined>>> = {
	'lost-reply': 'cut',
	kill: 'perform-then-hang',
	busy: 'busy',
	throttled: 'throttle',
	'never-lands': undefined,
}

interface Planted {
	left: number | null
	target: FaultTarget | undefined
}

export function createFaults(breakable: Breakable): Faults {
	const planted = new Map<FaultName, Planted>()
	const keys = new Map<string, string>([[LOCAL_KEYS.accessKey, LOCAL_KEYS.secretKey]])
	const lostKeys = new Set<string>()

	/** The faults that hit no single call, but hold until they are removed. */
	const switchOn = (name: FaultName, isOn: boolean): void => {
		if (name === 'wrong-key')
			keys.set(LOCAL_KEYS.accessKey, isOn ? 'another-secret-key' : LOCAL_KEYS.secretKey)
		if (name === 'topic') breakable.failPublishes(isOn ? Number.POSITIVE_INFINITY : 0)
		if (name === 'table') breakable.setTableDown(isOn)
	}

	const take = (call: ExportCall): FaultName | undefined => {
		const hit = [...planted].find(([name, { target }]) => name in ANSWERS && isMeant(target, call))
		if (hit === undefined) return undefined
		const [name, fault] = hit
		const left = (fault.left ?? 1) - 1
		if (left === 0) planted.delete(name)
		else planted.set(name, { ...fault, left })
		return name
	}

	return {
		plant: (name, target) => {
			const { lasts } = FAULTS.find((fault) => fault.name === name) ?? { lasts: 1 }
			planted.set(name, { left: lasts, target })
			switchOn(name, true)
		},
		remove: (name) => {
			planted.delete(name)
			switchOn(name, false)
		},
		planted: () => Object.fromEntries([...planted].map(([name, { left }]) => [name, left])),
		onCall: (call) => {
			const name = take(call)
			if (name === 'kill') breakable.killFunctions()
			if (name === 'never-lands') lostKeys.add(call.folderPath + call.fileName)
			return name && ANSWERS[name]
		},
		losesCopy: (key) => lostKeys.delete(key),
		keys,
	}
}

function isMeant(target: FaultTarget | undefined, call: ExportCall): boolean {
	if (target === undefined) return true
	return target.instanceNo === call.instanceNo && target.fileName === call.fileName
}
