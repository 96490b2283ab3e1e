import type { ListedExport } from '../journal.ts'
import type { ListedLetter } from '../letters.ts'
import type { SentRequest, Way } from '../send-request.ts'
import type { FaultName } from '../words.ts'
import { cloudNow, setClock, toAge, toTime } from './cloud-clock.ts'
import { byId, make, setText } from './dom.ts'
import { makeSendForm, type SendForm } from './send-form.ts'
import {
	changeFault,
	listenToServer,
	passTime,
	readExport,
	readExports,
	readForm,
	redrive,
	sendText,
	tryFault,
} from './server-calls.ts'
import { showCoverage } from './show-coverage.ts'
import { showDetail } from './show-detail.ts'
import { fillStates, showExports } from './show-exports.ts'
import { showFaults } from './show-faults.ts'
import { showFlow } from './show-flow.ts'
import { showLetters } from './show-letters.ts'

let selectedId: string | null = null
/** What was just sent: its export is shown as soon as it is known, unless it is one of those that were known before. */
let awaited: { triggerId: string; fileName: string | null; known: ReadonlySet<string> } | null = null
let listedIds: string[] = []
let form: SendForm | null = null

const notice = (text: string): void => setText(byId('notice'), text)

/** Runs what a button asks for, and says what went wrong. */
async function run(action: () => Promise<unknown>): Promise<void> {
	try {
		await action()
	} catch (error) {
		notice((error as Error).message)
	}
}

let isRefreshing = false
let isStale = false
/** One refresh at a time; what changes meanwhile is refreshed after it. */
async function refresh(): Promise<void> {
	isStale = true
	if (isRefreshing) return
	isRefreshing = true
	while (isStale) {
		isStale = false
		// The banner says that the connection is lost.
		await showNow().catch(() => undefined)
	}
	isRefreshing = false
}

async function showNow(): Promise<void> {
	const state = byId<HTMLSelectElement>('state').value
	const window = await readExports(state, byId<HTMLInputElement>('find').value.trim())
	listedIds = window.rows.map(({ id }) => id)
	const found = awaited === null ? undefined : window.rows.find(isAwaited)
	if (found !== undefined) {
		awaited = null
		selectedId = found.id
	}
	const detail = selectedId === null ? null : await readExport(selectedId)
	// A message that waited for the ledger is an export by now.
	if (detail !== null) selectedId = detail.row.id
	showExports(window, selectedId, select)
	showAges()
	showDetail(detail, sendAgain)
}

function isAwaited({ id, trigger, request }: ListedExport): boolean {
	if (awaited === null) return false
	const { triggerId, fileName, known } = awaited
	return trigger?.id === triggerId || (fileName !== null && request?.fileName === fileName && !known.has(id))
}

function select(id: string): void {
	selectedId = id
	awaited = null
	refresh()
	showPanel()
}

/** On a narrow window the panel is not beside the list. */
function showPanel(): void {
	const { top, bottom } = byId('detail').getBoundingClientRect()
	if (top > innerHeight || bottom < 0) byId('detail').scrollIntoView()
}

/** Waits for the export that a text asks for. */
function expect(triggerId: string, text: string, known: readonly string[]): void {
	awaited = { triggerId, fileName: fileOf(text), known: new Set(known) }
	refresh()
}

function fileOf(text: string): string | null {
	try {
		const { fileName } = JSON.parse(text) as { fileName?: unknown }
		return typeof fileName === 'string' ? fileName : null
	} catch {
		return null
	}
}

function showAnswer({ answer, body }: SentRequest): void {
	const content = body === null ? [] : [make('pre', { tabindex: '0' }, JSON.stringify(body, null, 2))]
	byId('answer').replaceChildren(make('p', {}, answer), ...content)
}

const send = (text: string, way: Way): Promise<void> =>
	run(async () => {
		byId('answer').replaceChildren(make('p', {}, 'Sending …'))
		const sent = await sendText(text, way)
		showAnswer(sent)
		// One that was asked for before keeps the trigger of its first request.
		expect(sent.triggerId, text, [])
	})

const sendAgain = (request: object, way: Way): void =>
	void run(async () => {
		const { answer } = await sendText(JSON.stringify(request), way)
		notice(
			`Sent again. ${answer} The same request is the same export: NCP is not called again once it has an outcome.`,
		)
	})

const tryIt = (name: FaultName | null, title: string): void =>
	void run(async () => {
		const sent = await tryFault(name)
		notice(`${title}: sent by queue. Watch it under “One export”.`)
		expect(sent.triggerId, JSON.stringify(sent.request), listedIds)
		showPanel()
	})

async function sendBack(letters: readonly ListedLetter[]): Promise<void> {
	const { redriven } = await redrive(letters.map(({ messageId }) => messageId))
	notice(
		redriven === 1 ? 'One message is back in its queue.' : `${redriven} messages are back in their queues.`,
	)
	const [letter] = letters
	if (letter !== undefined && letters.length === 1) expect('', letter.body, listedIds)
}

function showAges(): void {
	for (const element of document.querySelectorAll<HTMLElement>('[data-since]'))
		setText(element, toAge(cloudNow() - Number(element.dataset.since)))
}

function setConnected(isConnected: boolean): void {
	byId('lost').hidden = isConnected
	document.body.classList.toggle('disconnected', !isConnected)
	if (isConnected) refresh()
}

fillStates()
showDetail(null, sendAgain)
showLetters([], () => undefined)
showCoverage([])
byId('state').addEventListener('change', refresh)
byId('find').addEventListener('input', refresh)
byId('pass').addEventListener('click', () =>
	run(async () => {
		await passTime()
		notice('Two minutes have passed in the cloud.')
	}),
)

void run(async () => {
	form = makeSendForm(await readForm(), send)
	listenToServer(
		{
			flow: showFlow,
			coverage: showCoverage,
			letters: (letters) => showLetters(letters, (wanted) => void run(() => sendBack(wanted))),
			sandbox: (sandbox) => {
				setText(
					byId('mode'),
					sandbox === null
						? 'NCP is real: what you send here is exported.'
						: 'NCP is simulated: nothing leaves this machine, and nothing can be damaged.',
				)
				showFaults(sandbox, {
					tryIt,
					change: (name, isPlanted) => void run(() => changeFault(name, isPlanted)),
				})
				form?.setNext(sandbox?.next ?? null)
			},
			changed: refresh,
			clock: (ms) => {
				setClock(ms)
				setText(byId('clock'), toTime(ms))
				showAges()
			},
		},
		setConnected,
	)
})
