/** Reads environment variables. An empty value counts as unset; problems name the variable, never the value. */
export interface Variables {
	problems: string[]
	optional: (name: string) => string | undefined
	required: (name: string) => string
	integer: (name: string, fallback: number, min: number, max: number) => number
	/** In milliseconds. */
	minutes: (name: string, fallback: number) => number
	oneOf: <Value extends string>(name: string, values: readonly Value[], fallback: Value) => Value
}

const MAX_MINUTES = 10_080

export function readVariables(env: NodeJS.ProcessEnv): Variables {
	const problems: string[] = []
	const optional = (name: string): string | undefined => env[name]?.trim() || undefined
	return {
		problems,
		optional,
		required: (name) => {
			const value = optional(name)
			if (value === undefined) problems.push(`${name} is not set`)
			return value ?? ''
		},
		integer: (name, fallback, min, max) => {
			const text = optional(name)
			if (text === undefined) return fallback
			const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
			if (value >= min && value <= max) return value
			problems.push(`${name} must be a whole number from ${min} to ${max}`)
			return fallback
		},
		minutes: (name, fallback) => {
			const value = Number(optional(name) ?? fallback)
			if (value > 0 && value <= MAX_MINUTES) return value * 60_000
			problems.push(`${name} must be a number of minutes, up to ${MAX_MINUTES}`)
			return fallback * 60_000
		},
		oneOf: (name, values, fallback) => {
			const text = optional(name)
			const value = text === undefined ? fallback : values.find((each) => each === text)
			if (value === undefined) {
				const words = `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
				problems.push(`${name} must be ${words}`)
			}
			return value ?? fallback
		},
	}
}
