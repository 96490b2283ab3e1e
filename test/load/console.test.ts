import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cloud, INSTANCES, startCloud } from '../../tools/local/cloud.ts'
import { CONSOLE_INSTANCE } from '../../tools/local/console/fresh-backups.ts'
import { type PreparedConsole, prepareConsole } from '../../tools/local/console/open-console.ts'
import type { ConsoleServer } from '../../tools/local/console/serve-console.ts'
import { type OutcomeReader, readOutcomes } from '../../tools/local/outcomes.ts'
import { createSweeper, type Sweeper } from '../../tools/local/sweep.ts'
import { isCoverageEvent, type PublishedEvent } from '../../tools/terminal/coverage-row.ts'

const CHROMIUM = '/usr/bin/chromium'
const isInstalled = existsSync(CHROMIUM)
if (!isInstalled)
	process.stderr.write(`The page of the console is not tried: ${CHROMIUM} is not installed.\n`)

/** Where `npm run screenshot` wants the picture. */
const { SCREENSHOT } = process.env

let prepared: PreparedConsole
let cloud: Cloud
let server: ConsoleServer
let reader: OutcomeReader
let sweeper: Sweeper
let browser: Browser
let page: Page
/** What came out of the topic. */
const events: PublishedEvent[] = []
const requested = new Set<string>()
const complaints: string[] = []

/** As `npm start` does: a sweep that fails is followed by the next. */
const sweep = () => sweeper.sweep(AbortSignal.timeout(10_000)).catch(() => null)

/** Composed as `npm start` composes it, so that the simulator can be asked what it did. */
async function startWorld(): Promise<void> {
	prepared = prepareConsole({ instances: INSTANCES })
	cloud = await startCloud({
		...prepared.cloudOptions,
		arrivalDeadlineMinutes: 1 / 2,
		maxReceiveCount: 2,
		maxBackOffSeconds: 1,
		onProblem: () => undefined,
	})
	if (cloud.coverageFunction === null) throw new Error('coverage checks are on whenever arrival checks are')
	sweeper = createSweeper(cloud.coverageFunction)
	reader = readOutcomes(cloud.aws.sqs, cloud.outcomeQueue.url, (event: PublishedEvent) => {
		events.push(event)
		prepared.takeEvent(event)
		if (isCoverageEvent(event)) sweeper.take(event)
	})
	server = await prepared.open(cloud, { onTimePassed: () => void sweep() })
}

async function openPage(): Promise<void> {
	browser = await chromium.launch({
		executablePath: CHROMIUM,
		args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
	})
	page = await browser.newPage({ viewport: { width: 1440, height: 960 }, colorScheme: 'light' })
	page.setDefaultTimeout(15_000)
	page.on('request', (request) => requested.add(new URL(request.url()).origin))
	page.on('pageerror', ({ message }) => complaints.push(message))
	page.on('console', (message) => complaints.push(message.text()))
	await page.goto(server.url)
}

const detail = () => page.locator('#detail')
const state = (name: string) => detail().locator('.state', { hasText: new RegExp(`^${name}$`) })
const tryIt = (title: string) => page.getByRole('button', { name: `Try it: ${title}` })

/** The file of the export that is shown, once it is in a state. */
async function shownIn(name: string): Promise<string> {
	await state(name).waitFor()
	const place = await detail().locator('dt:text("Goes to") + dd').innerText()
	return place.slice(place.lastIndexOf('/') + 1)
}

const performed = (file: string): number =>
	cloud.ncp?.performed.filter(({ fileName }) => fileName === file).length ?? 0

const publishedOf = (file: string): string[] =>
	events.flatMap((event) => {
		if (isCoverageEvent(event)) return []
		return event.data.request?.fileName === file ? [event.data.state] : []
	})

/** What axe finds wrong with the page as it is. https://github.com/dequelabs/axe-core */
async function findBarriers(): Promise<string[]> {
	const results = (await page.evaluate('axe.run()')) as {
		violations: { id: string; nodes: { html: string }[] }[]
	}
	return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

describe.skipIf(!isInstalled)('the console in a browser', () => {
	beforeAll(async () => {
		await startWorld()
		await openPage()
	})
	afterAll(async () => {
		await browser?.close()
		await server?.stop()
		await cloud?.quiesce()
		await reader?.stop()
		await cloud?.stop()
	})

	it('says in its empty parts what to do', async () => {
		await page.getByText('NCP is simulated: nothing leaves this machine').waitFor()
		for (const [part, words] of [
			['#exports-note', 'Press “Try it”'],
			['#detail', 'Press “Try it”'],
			['#letters', 'None: every message was processed.'],
			['#coverage', 'No instance was checked yet.'],
		] as const)
			await page.locator(part).getByText(words).waitFor()
	})

	it('sends a request from the form, and shows every step until it is complete', async () => {
		await page.getByText('Send a request of your own').click()
		const file = await page.getByLabel('fileName').inputValue()
		await page.getByRole('button', { name: 'Send', exact: true }).click()
		await page.getByText(/^On the queue, as message/).waitFor()
		expect(await shownIn('completed')).toBe(file)
		expect(await cloud.aws.readObject('my-bucket', `${CONSOLE_INSTANCE}/${file}`)).toContain(file)
		const timeline = await page.locator('#timeline').innerText()
		for (const words of [
			'Ledger: claimed',
			'NCP received the call',
			'Delivery by queue: export accepted',
			'Published: accepted',
			'Look 1 into the bucket: export completed',
			'Published: completed',
		])
			expect(timeline).toContain(words)
		expect(timeline).toMatch(/claim \d+ ms\s+call \d+ ms\s+settle \d+ ms/)
		await page.getByText('Send a request of your own').click()
	})

	it('works with the keyboard alone, and the focus stays where it is', async () => {
		const file = await page.locator('#exports button').first().innerText()
		await tryIt('Nothing goes wrong').focus()
		await page.keyboard.press('Enter')
		await detail().locator('dt:text("Goes to") + dd').filter({ hasNotText: file }).waitFor()
		const next = await shownIn('completed')
		expect(file).not.toContain(next)
		expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
			'Try it: Nothing goes wrong',
		)
		// Back to the export before it, with the keys.
		await page.locator('#exports button', { hasText: file }).focus()
		await page.keyboard.press('Enter')
		await detail().getByText(`my-bucket/${file}`, { exact: true }).waitFor()
		expect(await page.evaluate('document.activeElement.textContent')).toBe(file)
	})

	it('sends the same request again by each way, and NCP is not called again', async () => {
		const file = await shownIn('completed')
		const calls = cloud.ncp?.calls()
		for (const way of ['queue', 'webhook', 'pipeline']) {
			await detail().getByRole('button', { name: way, exact: true }).click()
			await page
				.getByText(/^Sent again\. (On the queue|The webhook answered 202|The function returned)/)
				.waitFor()
		}
		await detail().getByText('The same event again').nth(2).waitFor()
		expect(performed(file)).toBe(1)
		expect(cloud.ncp?.calls()).toBe(calls)
	})

	it('shows a lost reply as unknown, then completed, and exported once', async () => {
		await tryIt('Lose NCP’s reply').click()
		await detail().getByText('Published: unknown').waitFor()
		const file = await shownIn('completed')
		expect(publishedOf(file)).toEqual(['unknown', 'completed'])
		expect(performed(file)).toBe(1)
		expect(await detail().locator('.verdict').innerText()).toBe(
			'NCP was called once for it, and exported it once.',
		)
		expect(await page.locator('#timeline').innerText()).toContain('may or may not have been done')
	})

	it('says so when the connection is lost, and comes back by itself', async () => {
		const { port, searchParams } = new URL(server.url)
		await server.stop()
		await page.getByRole('alert').waitFor()
		expect(await page.getByRole('alert').innerText()).toContain('comes back by itself')
		server = await prepared.open(cloud, {
			onTimePassed: () => void sweep(),
			port: Number(port),
			token: searchParams.get('token') ?? '',
		})
		await page.getByRole('alert').waitFor({ state: 'hidden' })
		await tryIt('Nothing goes wrong').click()
		const file = await shownIn('completed')
		expect(performed(file)).toBe(1)
		// What the browser says of a lost connection.
		complaints.length = 0
	})

	it('kills the function in the middle of the call, and NCP exports it once', async () => {
		await tryIt('Kill the function in the middle of the call').click()
		// Until then, the page may still show the export before.
		await detail().getByText('the function was killed before the reply reached it').waitFor()
		const file = await shownIn('claimed')
		expect(performed(file)).toBe(1)
		expect(await detail().innerText()).toContain('Claim ends at')
		await page.getByRole('button', { name: 'Let two minutes pass' }).click()
		expect(await shownIn('completed')).toBe(file)
		expect(publishedOf(file)).toEqual(['unknown', 'completed'])
		expect(performed(file)).toBe(1)
		if (SCREENSHOT !== undefined) {
			await page.setViewportSize({ width: 1360, height: 940 })
			await page.evaluate('scrollTo(0, 0)')
			await page.screenshot({ path: SCREENSHOT })
		}
	})

	it('keeps a request that cannot be exported as a dead letter, and redrives it', async () => {
		const name = 'NCP does not know the key'
		await tryIt(name).click()
		await page.getByText('Planted, until you remove it.').waitFor()
		// Its two receives are used up; when its visibility time-out ends, it is a dead letter.
		const file = await shownIn('exhausted')
		await page.getByRole('button', { name: 'Let two minutes pass' }).click()
		const letter = page.locator('#letters > li', { hasText: `${CONSOLE_INSTANCE}/${file}` })
		expect(await letter.innerText()).toContain('NCP_CREDENTIALS')
		expect(performed(file)).toBe(0)
		await page.getByRole('button', { name: `Remove: ${name}` }).click()
		await letter.getByRole('button', { name: 'Redrive' }).click()
		await page.getByText('One message is back in its queue.').waitFor()
		expect(await shownIn('completed')).toBe(file)
		expect(performed(file)).toBe(1)
		await letter.waitFor({ state: 'detached' })
	})

	it('shows text as text, whatever it says', async () => {
		await page.getByText('Send a request of your own').click()
		await page.getByLabel('Edit as JSON').check()
		const fileName = '<img src=x onerror=document.title=1>'
		const request = { cloudPostgresqlInstanceNo: '1234925', fileName, bucketName: 'my-bucket' }
		await page.getByLabel('Request as JSON').fill(JSON.stringify(request))
		await page.getByRole('button', { name: 'Send', exact: true }).click()
		await shownIn('refused')
		expect(await page.locator('#exports').innerText()).toContain(fileName)
		expect(await page.locator('img').count()).toBe(0)
		await page.getByText('Send a request of your own').click()
	})

	it('shows which backups are out, by instance', async () => {
		await sweep()
		const instance = page.locator('.instance', { hasText: CONSOLE_INSTANCE })
		const own = cloud.ncp?.performed.filter((each) => each.instanceNo === CONSOLE_INSTANCE) ?? []
		for (const { fileName } of own)
			await instance.locator('.chip', { hasText: new RegExp(`${fileName}\\s+covered`) }).waitFor()
		expect(own.length).toBeGreaterThan(4)
	})

	it('finds exports by state and by file', async () => {
		await page.getByLabel('State').selectOption('refused')
		await page.locator('#exports tr', { hasText: 'completed' }).first().waitFor({ state: 'detached' })
		expect(await page.locator('#exports tr').count()).toBe(1)
		await page.getByLabel('Find').fill('nobody')
		await page.getByText('No export matches.').waitFor()
		await page.getByLabel('Find').fill('')
		await page.getByLabel('State').selectOption('')
		await page.locator('#exports tr').nth(5).waitFor()
	})

	it.each([
		['light', 1440],
		['dark', 1440],
		['light', 390],
	] as const)('has no barrier that axe finds: %s, %i pixels wide', async (colorScheme, width) => {
		await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
		await page.setViewportSize({ width, height: 900 })
		if ((await page.evaluate('typeof axe')) === 'undefined')
			await page.evaluate(
				await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
			)
		const own = page.locator('#own')
		if ((await own.getAttribute('open')) === null) await own.locator('summary').click()
		await page.getByRole('button', { name: 'Plant: NCP is busy' }).click()
		await page.getByText('Planted for 2 calls.').waitFor()
		expect(await findBarriers()).toEqual([])
		await page.getByRole('button', { name: 'Remove: NCP is busy' }).click()
		await page.getByText('Planted for 2 calls.').waitFor({ state: 'detached' })
		// Nothing is cut off, and nothing makes the page scroll sideways.
		expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
	})

	it('has asked no other server for anything, and the browser had nothing to complain of', () => {
		expect([...requested]).toEqual([new URL(server.url).origin])
		expect(complaints).toEqual([])
	})
})
