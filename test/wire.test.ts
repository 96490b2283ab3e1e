import { afterEach, expect, it, vi } from 'vitest'
import { wire } from '../lib/wire.ts'

afterEach(() => vi.unstubAllEnvs())

const ENV = {
	AWS_REGION: 'ap-northeast-2',
	AWS_ACCESS_KEY_ID: 'a',
	AWS_SECRET_ACCESS_KEY: 'b',
	NCP_ACCESS_KEY: 'AK',
	NCP_SECRET_KEY: 'SK',
	RESULT_TOPIC_ARN: 'arn:topic',
}

it('builds every port from the environment, without a single connection', () => {
	for (const [name, value] of Object.entries(ENV)) vi.stubEnv(name, value)
	const { config, ports } = wire('on-queue-message')
	expect(config.resultTopicArn).toBe('arn:topic')
	expect(Object.keys(ports).sort()).toEqual(['callNcp', 'createExportId', 'now', 'observe', 'publish'])
	expect(ports.createExportId(1) < ports.createExportId(2)).toBe(true)
})

it('refuses an environment that is not whole', () => {
	for (const name of Object.keys(ENV)) vi.stubEnv(name, '')
	expect(() => wire('on-queue-message')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
