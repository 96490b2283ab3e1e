import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { parsePolicy } from '../../lib/coverage/policy.ts'
import { UNSETTLED_MS } from '../../lib/ledger/ledger.ts'
import { MAX_KEYS } from '../../lib/object-storage/list-objects.ts'
import { FUNCTION_NAMES } from '../../lib/wiring/config.ts'
import {
	MAX_LOCAL_BACK_OFF_SECONDS,
	MAX_RECEIVE_COUNT,
	START_ARRIVAL_SECONDS,
} from '../../tools/local/cloud.ts'
import { type Alarm, listAlarms } from '../../tools/template/alarms.ts'
import {
	callsAtATime,
	freshnessEveryMinutes,
	maxNcpTimeoutSeconds,
	numbersFor,
} from '../../tools/template/numbers.ts'
import { root } from './packaged.ts'

const page = await readFile(`${root}/docs/runbook.md`, 'utf8')
const service = await readFile(`${root}/serverless.yml`, 'utf8')

/** The sections by heading, each as one line of prose; the text before the first is under "". */
const sections = new Map(
	page.split(/^## /m).map((text, index) => {
		const [heading = '', ...lines] = text.split('\n')
		return index === 0 ? ['', toProse(text)] : [heading, toProse(lines.join('\n'))]
	}),
)

function toProse(text: string): string {
	return text.replace(/\s+/g, ' ').trim()
}

/** A parameter's default at the top of serverless.yml. */
function defaultOf(parameter: string): number {
	return Number(new RegExp(`^    ${parameter}: (\\d+)$`, 'm').exec(service)?.[1])
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']

/** As the page writes a number: small ones as words. */
const toWords = (number: number): string => WORDS[number] ?? number.toLocaleString('en')

const toTimes = (number: number): string => (number === 1 ? 'once' : `${toWords(number)} times`)

/** A parameter that no number has, to see where it is used. */
const FRESHNESS_MINUTES = 987_654

/** Policies are the deployer's, so the page says what follows from any of them. */
const POLICIES = [parsePolicy({ name: 'nightly', bucketName: 'my-bucket', graceHours: 7 })]
const ALARMS = listAlarms(FRESHNESS_MINUTES, POLICIES)

/** When an alarm fires, in the page's words. */
function triggerOf(alarm: Alarm): string {
	const { statistic, metric, threshold, minutes, silence, belowInPeriods, section, name } = alarm
	// Its metric is reported with each sweep, in a period of two.
	const withinSweeps = `within ${toWords(minutes / 60)} of the policy's sweeps, or a day`
	if (belowInPeriods !== undefined)
		return `when no check is counted in each of ${toWords(belowInPeriods)} sweeps`
	if (metric === 'HoursBehind')
		return `when the policy's \`graceHours\` or more are reported ${withinSweeps.replace("the policy's", 'its')}`
	if (section !== name) return `when ${toWords(threshold)} backup or more is reported ${withinSweeps}`
	const within = `within ${minutes} minutes`
	if (statistic === 'Sum') return `when it happens ${toTimes(threshold)} ${within}`
	if (metric === 'ApproximateNumberOfMessagesVisible')
		return `when the queue holds ${toWords(threshold)} message or more ${within}`
	const thresholdMinutes = metric.endsWith('Minutes') ? threshold : threshold / 60
	const words = thresholdMinutes === FRESHNESS_MINUTES ? '`freshnessMinutes`' : `${thresholdMinutes} minutes`
	const none = silence === 'breaching' ? ', or when there is no report' : ''
	return `when the longest wait ${within} is ${words} or more${none}`
}

describe('docs/runbook.md', () => {
	it.each(ALARMS.map((alarm) => [alarm.section, alarm] as const))('says when %s fires', (name, alarm) => {
		expect(sections.get(name)).toContain(`**Fires** ${triggerOf(alarm)}. **See**`)
	})

	it('has a section for each alarm, and no other', () => {
		const headings = [...sections.keys()].filter((heading) => heading !== '')
		expect(headings.sort()).toEqual(ALARMS.map(({ section }) => section).sort())
	})

	const numbers = numbersFor({
		retryHours: defaultOf('retryHours'),
		arrivalDeadlineMinutes: defaultOf('arrivalDeadlineMinutes'),
	})
	const functions = `${toWords(FUNCTION_NAMES.length)} functions`
	const attempts = 1 + Number(/maximumRetryAttempts: (\d+)/.exec(service)?.[1])
	const DAY_SECONDS = 86_400

	/** Sections, and the figures in them that follow from the code. */
	const FIGURES: readonly (readonly [string, string])[] = [
		['', `over the ${functions}' log groups`],
		['', `ends \`missing\` after ${START_ARRIVAL_SECONDS} seconds`],
		['', `a message is received ${toTimes(MAX_RECEIVE_COUNT)}`],
		['', `waits at most ${toWords(MAX_LOCAL_BACK_OFF_SECONDS)} seconds each time`],
		['', `until the first report, for at most ${freshnessEveryMinutes} minutes`],
		['', `up to ${toWords(numbers.visibilitySeconds / 60)} minutes after its \`exhausted\` outcome`],
		[
			'requests-dead',
			`kept until ${numbers.deadRetentionSeconds / DAY_SECONDS} days after they were first sent`,
		],
		['pipeline-dead', `after ${toWords(attempts)} attempts`],
		['unverified', `more than ${toWords(MAX_KEYS)} keys`],
		['unknown', `to ${maxNcpTimeoutSeconds} at most`],
		['ledger', `for each of the ${functions}`],
		['publishing', `kept for ${UNSETTLED_MS / 1000 / DAY_SECONDS} days`],
		['requests-age', `more work than ${callsAtATime} concurrent calls`],
	]

	it.each(FIGURES)('says under "%s": %s', (section, words) => {
		expect(sections.get(section)).toContain(words)
	})

	it('says how long a failing check is tried', () => {
		expect(sections.get('arrivals-dead')).toContain(
			'failed for twice the deadline, or for `retryHours` if that is longer',
		)
		for (const [retryHours, arrivalDeadlineMinutes, hours] of [
			[4, 120, 4],
			[4, 300, 10],
			[12, 120, 12],
		] as const) {
			const { arrivalReceiveCount, visibilitySeconds } = numbersFor({ retryHours, arrivalDeadlineMinutes })
			const triedSeconds = (arrivalReceiveCount - 1) * visibilitySeconds
			expect(triedSeconds).toBeGreaterThanOrEqual(hours * 3_600)
			expect(triedSeconds - visibilitySeconds).toBeLessThan(hours * 3_600)
		}
	})

	/** What others decide. */
	const FOREIGN = [
		'instance 1234928', // the simulator's
		'most 30', // days that NCP keeps a backup
		'is 30',
		'received three', // SQS's own age leaves such messages out
		'to six', // hours that Lambda retries for, unless the template sets `maximumEventAge`
		'after six',
	]

	it('has no other figures than these', () => {
		expect(service).not.toContain('maximumEventAge')
		const known = [...ALARMS.map(triggerOf), ...FIGURES.map(([, words]) => words)]
		const left = known
			.reduce((text, words) => text.replace(words, ''), [...sections.values()].join(' '))
			// Code, and HTTP statuses.
			.replace(/`[^`]*`|message = "[^"]*"|\b[45](\d\d|xx)\b/g, '')
		const numbers =
			/\S+ (\d[\d,]*|a quarter|half|an hour|twenty|two|three|four|five|six|seven|eight|nine|ten)\b/g
		expect(new Set(left.match(numbers))).toEqual(new Set(FOREIGN))
	})
})
