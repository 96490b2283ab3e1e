/** `warning`: it works, but an operator should look at it. `skipped`: not checked. */
export interface Finding {
	check: string
	result: 'ok' | 'warning' | 'failed' | 'skipped'
	/** What was found, and what to do about it. */
	words: string
	/** The checks that could not be made because of it. */
	unchecked?: readonly string[]
}

/** What one check found. */
export type Verdict = Pick<Finding, 'result' | 'words'>

export const ok = (words: string) => ({ result: 'ok', words }) as const
export const warning = (words: string) => ({ result: 'warning', words }) as const
export const failed = (words: string) => ({ result: 'failed', words }) as const
export const skipped = (words: string) => ({ result: 'skipped', words }) as const
