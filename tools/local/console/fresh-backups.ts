import { toBackupName } from '../ncp-backups.ts'
import type { Instance } from '../ncp-simulator.ts'

/** The simulated instance whose backups the console makes, so that there is always one that nobody has asked for. */
export const CONSOLE_INSTANCE = '1234930'

const FIRST_MS = Date.UTC(2022, 0, 1)
const DAY_MS = 24 * 60 * 60 * 1000

/** In the API's own names. */
export interface FreshRequest {
	cloudPostgresqlInstanceNo: string
	fileName: string
	bucketName: string
	folderPath: string
}

export interface FreshBackups {
	/** The request for the next backup, into the folder where coverage expects it. */
	next: () => FreshRequest
	/** Makes the backup that a text asks for, if it asks for one of this instance. */
	makeFor: (text: string) => void
}

/** The instance is added to the simulated ones with its first backup: without a page, nothing is seen of it. */
export function createFreshBackups(instances: Map<string, Instance>): FreshBackups {
	const backups = new Set<string>()
	const nextName = (): string => toBackupName(FIRST_MS + backups.size * DAY_MS)
	return {
		next: () => ({
			cloudPostgresqlInstanceNo: CONSOLE_INSTANCE,
			fileName: nextName(),
			bucketName: 'my-bucket',
			folderPath: `${CONSOLE_INSTANCE}/`,
		}),
		makeFor: (text) => {
			const name = nextName()
			if (!text.includes(CONSOLE_INSTANCE) || !text.includes(name)) return
			backups.add(name)
			instances.set(CONSOLE_INSTANCE, { regionCode: 'KR', backups })
		},
	}
}
