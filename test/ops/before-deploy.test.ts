import { expect, it } from 'vitest'
import { planDeploy } from '../../tools/ops/before-deploy.ts'

it('plans with the defaults of serverless.yml', () => {
	expect(planDeploy('eu-west-1', {}, {})).toEqual({
		region: 'eu-west-1',
		secretId: 'ncp/backup-exporter',
		ncpApiUrl: 'https://ncloud.apigw.ntruss.com',
		ncpRegionCode: 'KR',
		objectStorageUrl: 'https://kr.object.ncloudstorage.com',
		objectStorageRegion: 'kr-standard',
	})
})

it('takes NCP’s API from the zone of the buckets', () => {
	expect(planDeploy('r', { bucketZone: 'gov-krs', regionCode: 'KRS', secret: 's' }, {})).toMatchObject({
		secretId: 's',
		ncpApiUrl: 'https://ncloud.apigw.gov-ntruss.com',
		ncpRegionCode: 'KRS',
		objectStorageUrl: 'https://krs.object.gov-ncloudstorage.com',
		objectStorageRegion: 'gov2-standard',
	})
})

it('looks for NCP where the environment says', () => {
	const env = { NCP_API_URL: 'http://ncp', OBJECT_STORAGE_URL: 'http://storage', OBJECT_STORAGE_REGION: 'x' }
	expect(planDeploy('r', { bucketZone: 'sg' }, env)).toMatchObject({
		ncpApiUrl: 'http://ncp',
		objectStorageUrl: 'http://storage',
		objectStorageRegion: 'x',
	})
})
