import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Secret, SecretUnreadable } from '../../lib/aws/secrets.ts'
import { AwsError } from '../../lib/aws-error.ts'
import { readConfig } from '../../lib/wiring/config.ts'
import { readWebhookSecrets } from '../../lib/wiring/wire-webhook.ts'
import { ENVIRONMENT } from '../environment.ts'
import { left, PLENTY } from '../fakes.ts'

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
const KEYS = { accessKey: 'AK', secretKey: 'SK' }

afterEach(() => vi.restoreAllMocks())

function readWith(env: NodeJS.ProcessEnv, readSecret: () => Promise<Secret>, deadline = PLENTY) {
	const fromSecret = { NCP_ACCESS_KEY: '', NCP_SECRET_KEY: '', CREDENTIALS_SECRET_ID: 'ncp' }
	const config = readConfig({ ...ENVIRONMENT, ...fromSecret, ...env }, 'on-http-request')
	const logger = new Logger({ serviceName: 's' })
	const log = vi.spyOn(logger, 'error').mockImplementation(() => undefined)
	const metrics = new Metrics({ namespace: 'N', serviceName: 's' })
	const read = vi.fn(readSecret)
	const reader = { read, readAgain: read }
	return { log, metrics, read, result: readWebhookSecrets(config, reader, deadline, { logger, metrics }) }
}

describe('the webhook’s secrets', () => {
	it('come from the environment if set there', async () => {
		const { result, read } = readWith({ WEBHOOK_SECRETS: SECRET }, async () => ({
			...KEYS,
			webhookSecrets: [],
		}))
		expect(await result).toEqual([SECRET])
		expect(read).not.toHaveBeenCalled()
	})

	it('are reported when the secret lacks them, because no caller could be authenticated', async () => {
		const { result, log } = readWith({}, async () => ({ ...KEYS, webhookSecrets: [] }))
		await expect(result).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' })
		expect(log).toHaveBeenCalledWith(expect.any(String), {
			reason: 'the secret has no webhookSecrets',
			runbook: 'docs/runbook.md#secret',
		})
	})

	it('raise an error with a code, a log line and a count when they cannot be read', async () => {
		const cause = new AwsError('ResourceNotFoundException')
		const { result, log, metrics } = readWith({}, () => Promise.reject(cause))
		await expect(result).rejects.toMatchObject({ code: 'SECRET_UNREADABLE', retryable: true })
		expect(log).toHaveBeenCalledOnce()
		expect(metrics.serializeMetrics()).toMatchObject({ Failed_SECRET_UNREADABLE: 1 })
	})

	it.each([
		[
			'AWS’s own code',
			new AwsError('AccessDeniedException'),
			'the secret cannot be read: AccessDeniedException',
		],
		['what is wrong with the secret', new SecretUnreadable('it must be JSON'), 'it must be JSON'],
		['nothing of what might quote it', new Error('swordfish'), 'the secret cannot be read: Error'],
	])('that cannot be read are logged with %s', async (_name, cause, reason) => {
		const { result, log } = readWith({}, () => Promise.reject(cause))
		await expect(result).rejects.toThrow(reason)
		expect(log).toHaveBeenCalledWith(
			'the webhook secrets cannot be read',
			expect.objectContaining({ reason }),
		)
	})

	it('are not waited for beyond the deadline', async () => {
		const { result } = readWith({}, () => new Promise(() => undefined), left(5))
		await expect(result).rejects.toMatchObject({
			code: 'SECRET_UNREADABLE',
			message: 'the secret cannot be read: TimeoutError',
		})
	})
})
