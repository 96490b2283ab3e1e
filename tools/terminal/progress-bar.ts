const WIDTH = 30

export interface ProgressBar {
	update: (done: number) => void
	/** Erases the bar. */
	clear: () => void
}

/** A progress bar on standard error. Prints nothing unless that is a terminal. */
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
