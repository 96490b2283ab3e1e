const WIDTH = 30

export interface ProgressBar {
	update: (done: number) => void
	/** Leaves an empty line behind. */
	clear: () => void
}

/** On a terminal only, on standard error: what is piped away has no bar in it. */
export function startProgressBar(total: number, stream = process.stderr): ProgressBar {
	if (!stream.isTTY || total === 0) return { update: () => undefined, clear: () => undefined }
	return {
		update: (done) => {
			const filled = Math.round((done / total) * WIDTH)
			stream.write(`\r[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${done} of ${total}`)
		},
		clear: () => {
			stream.write('\r\u001b[K')
		},
	}
}
