import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildFunctions } from '../build.ts'
import { createProgram, runCommand } from '../terminal/command-line.ts'
import { onInterrupt } from '../terminal/interrupt.ts'
import { type Access, toEnvironment } from './deployed.ts'
import { hasMoto, startMoto } from './moto.ts'
import { rehearseStage } from './rehearse-stage.ts'

const STAGE = 'rehearsal'
const REGION = 'ap-northeast-2'
const LIMIT_MS = 180_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const program = createProgram('npm run rehearse --')
	.addHelpText(
		'before',
		`npm run rehearse deploys the service with osls into moto, an implementation of AWS in
Python that runs on this machine, and sends requests to the deployed queues. The zips and
the environment that were deployed answer them. Needs Python with moto; without it,
nothing is rehearsed and the exit code is 0.
`,
	)
	.helpOption('-h, --help', 'print this text')

await runCommand(async () => {
	program.parse()
	if (!(await hasMoto())) {
		console.log('Nothing is rehearsed: Python with moto is not installed (pip install "moto[server]").')
		return 0
	}
	const interrupted = onInterrupt()
	await using stack = new AsyncDisposableStack()
	return await Promise.race([rehearse(stack), interrupted, overdue()])
})

/** Ends by itself, whatever hangs. */
async function overdue(): Promise<never> {
	await sleep(LIMIT_MS, undefined, { ref: false })
	throw new Error(`the rehearsal is not finished after ${LIMIT_MS / 60_000} minutes`)
}

async function rehearse(stack: AsyncDisposableStack): Promise<number> {
	console.log('Starting AWS (moto) on 127.0.0.1 …')
	const moto = await startMoto()
	stack.defer(moto.stop)
	const folder = await mkdtemp(join(tmpdir(), 'rehearsal-'))
	stack.defer(() => rm(folder, { recursive: true }))
	const access: Access = {
		region: REGION,
		endpoint: moto.url,
		credentials: { accessKeyId: 'rehearsal', secretAccessKey: 'rehearsal' },
	}
	await buildFunctions()
	const osls = createRequire(import.meta.url).resolve('osls/bin/serverless.js')
	const run = async (script: string, ...args: string[]): Promise<void> => {
		const all = [script, ...args, '--stage', STAGE, '--region', access.region]
		const env = { ...process.env, ...toEnvironment(access) }
		await promisify(execFile)(process.execPath, all, { cwd: ROOT, env })
	}
	return rehearseStage(
		{
			stage: STAGE,
			access,
			folder,
			// As `npm run deploy` and `npm run rollback` do. They throw with what was printed.
			deploy: (...args) => run(osls, 'deploy', ...args),
			rollBack: () => run('tools/rollback.ts'),
		},
		stack,
	)
}
