import type { ReadEntry } from '../cloud-state.ts'
import type { ExportRow } from '../export-row.ts'
import type { ExportsWindow } from '../journal.ts'
import type { Form } from '../read-form.ts'
import type { SentRequest, Way } from '../send-request.ts'
import type { Pushed } from '../watch-cloud.ts'
import type { FaultName } from '../words.ts'

const token = new URLSearchParams(location.search).get('token') ?? ''

function toPath(path: string, query: Readonly<Record<string, string>> = {}): string {
	return `${path}?${new URLSearchParams({ ...query, token })}`
}

async function toJson<Value>(response: Response): Promise<Value> {
	if (!response.ok) throw new Error(await response.text())
	return (await response.json()) as Value
}

const get = async <Value>(path: string, query?: Record<string, string>): Promise<Value> =>
	toJson(await fetch(toPath(path, query)))

const post = async <Value>(path: string, body: object): Promise<Value> =>
	toJson(
		await fetch(toPath(path), {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(body),
		}),
	)

/** An export with all that is known of it. */
export type Detail = { row: ExportRow } & ReadEntry

export const readForm = () => get<Form>('/form')
export const readExports = (state: string, text: string) => get<ExportsWindow>('/exports', { state, text })
export const readExport = (id: string) => get<Detail>(`/exports/${encodeURIComponent(id)}`)
export const sendText = (text: string, way: Way) => post<SentRequest>('/send', { text, way })
export const tryFault = (name: FaultName | null) => post<SentRequest & { request: object }>('/try', { name })
export const changeFault = (name: FaultName, isPlanted: boolean) =>
	post<object>('/faults', { name, isPlanted })
export const passTime = () => post<object>('/pass', {})
export const redrive = (messageIds: readonly string[]) =>
	post<{ redriven: number }>('/redrive', { messageIds })

/** Longer than the time between two signs of life. */
const SILENCE_MS = 6_000

/** Calls the handlers with what the server pushes, and `onConnected` when the connection is lost and when it is back. */
export function listenToServer(
	handlers: { [Kind in keyof Pushed]: (value: Pushed[Kind]) => void },
	onConnected: (isConnected: boolean) => void,
): void {
	let source: EventSource
	let heardMs = performance.now()
	const open = (): void => {
		heardMs = performance.now()
		source = new EventSource(toPath('/events'))
		source.addEventListener('open', () => {
			heardMs = performance.now()
			onConnected(true)
		})
		source.addEventListener('error', () => onConnected(false))
		for (const [kind, handle] of Object.entries(handlers))
			source.addEventListener(kind, (event) => {
				heardMs = performance.now()
				;(handle as (value: unknown) => void)(JSON.parse(event.data))
			})
	}
	open()
	// The browser gives up after some answers, and does not notice a server that has stopped talking.
	setInterval(() => {
		const isSilent = performance.now() - heardMs > SILENCE_MS
		if (!isSilent && source.readyState !== EventSource.CLOSED) return
		onConnected(false)
		source.close()
		open()
	}, 2_000)
}
