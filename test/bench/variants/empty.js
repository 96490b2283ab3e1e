/** The yardstick: what Node.js itself costs. */
export async function handler() {
	return { batchItemFailures: [] }
}
