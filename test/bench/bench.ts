import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createProgram, runCommand, UsageError } from '../../tools/terminal/command-line.ts'
import { measureBatch } from './batch.ts'
import { measureBundles } from './bundles.ts'
import { measureColdStart } from './cold-start.ts'
import { measureCpu } from './cpu.ts'
import { measureMemory } from './memory.ts'
import { isMet, type Section, toText } from './page.ts'
import { type StandIns, startStandIns } from './stand-ins.ts'
import { buildVariants } from './variants.ts'

const program = createProgram('npm run bench --')
	.addHelpText(
		'before',
		`npm run bench builds the function for queue messages and other ways to write it
(test/bench/variants), and measures them side by side against servers on 127.0.0.1.
Only the ratios say something about the code; the rest depends on this machine.
Servers speak TLS, as AWS and NCP do; the certificates are made for each run. Takes about four minutes.
`,
	)
	.option('--rounds <number>', 'rounds of cold starts (default: 15)')
	.option('--only <names>', 'some of cold, cpu, batch, memory, bundles; separated by commas')
	.option('--quick', '5 rounds, and a tenth of the records for memory')
	.helpOption('-h, --help', 'print this text')
	.addHelpText('after', '\nExit code: 0 all targets met, 1 otherwise, 2 for a mistake in the command.')

await runCommand(() => runBench(toSections(program.parse().opts<BenchOptions>())))

type Measure = (standIns: StandIns) => Promise<Section | Section[]>

interface BenchOptions {
	rounds?: string
	only?: string
	quick?: boolean
}

/** The sections to measure, in this order; throws `UsageError`. */
function toSections({ rounds = '', only, quick = false }: BenchOptions): Measure[] {
	if (!/^([1-9]\d{0,2})?$/.test(rounds)) throw new UsageError('--rounds must be a number from 1 to 999')
	const sections: Record<string, Measure> = {
		cold: (standIns) => measureColdStart(Number(rounds) || (quick ? 5 : 15), standIns),
		cpu: (standIns) => measureCpu(quick ? 1 : 3, standIns),
		batch: (standIns) => measureBatch(quick ? 1 : 5, standIns),
		memory: (standIns) => measureMemory(quick ? 10_000 : 100_000, standIns),
		bundles: measureBundles,
	}
	const names = only?.split(',') ?? Object.keys(sections)
	const unknown = names.find((name) => !Object.hasOwn(sections, name))
	if (unknown !== undefined) throw new UsageError(`--only knows ${Object.keys(sections).join(', ')}`)
	return Object.entries(sections).flatMap(([name, measure]) => (names.includes(name) ? [measure] : []))
}

async function runBench(sections: readonly Measure[]): Promise<number> {
	installVariants()
	await buildVariants()
	const standIns = await startStandIns()
	let missed = 0
	try {
		console.log(`Node.js ${process.versions.node}, ${availableParallelism()} cores\n`)
		for (const measure of sections) {
			for (const section of [await measure(standIns)].flat()) {
				console.log(toText(section))
				missed += section.targets.filter((target) => !isMet(target)).length
			}
		}
	} finally {
		await standIns.stop()
	}
	console.log(missed === 0 ? 'All targets are met.' : `Targets not met: ${missed}`)
	return missed === 0 ? 0 : 1
}

/** The variants' own dependencies, which the deployed functions do not need. */
function installVariants(): void {
	// npm writes this file last.
	if (existsSync(new URL('node_modules/.package-lock.json', import.meta.url))) return
	console.log('Installing what the variants are written with (test/bench/package-lock.json) …')
	const folder = fileURLToPath(new URL('.', import.meta.url))
	const { status } = spawnSync(
		'npm',
		['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error'],
		{
			stdio: ['ignore', 'ignore', 'inherit'],
		},
	)
	if (status !== 0) throw new Error('npm ci --prefix test/bench failed')
}
