/** NCP's API in each zone. Zones are separate clouds with accounts of their own. */
export const API_URLS = {
	public: 'https://ncloud.apigw.ntruss.com',
	gov: 'https://ncloud.apigw.gov-ntruss.com',
	fin: 'https://fin-ncloud.apigw.fin-ntruss.com',
} as const

export type NcpZone = keyof typeof API_URLS

/** Object Storage in each region of buckets. */
export interface BucketZone {
	ncpZone: NcpZone
	url: string
	region: string
}

export const BUCKET_ZONES = {
	kr: { ncpZone: 'public', url: 'https://kr.object.ncloudstorage.com', region: 'kr-standard' },
	sg: { ncpZone: 'public', url: 'https://sg.object.ncloudstorage.com', region: 'sg-standard' },
	us: { ncpZone: 'public', url: 'https://us.object.ncloudstorage.com', region: 'us-standard' },
	de: { ncpZone: 'public', url: 'https://de.object.ncloudstorage.com', region: 'de-standard' },
	jp: { ncpZone: 'public', url: 'https://jp.object.ncpstorage.com', region: 'jp-standard' },
	'gov-kr': { ncpZone: 'gov', url: 'https://kr.object.gov-ncloudstorage.com', region: 'gov-standard' },
	'gov-krs': { ncpZone: 'gov', url: 'https://krs.object.gov-ncloudstorage.com', region: 'gov2-standard' },
	fin: { ncpZone: 'fin', url: 'https://kr.object.fin-ncloudstorage.com', region: 'fin-standard' },
} as const satisfies Readonly<Record<string, BucketZone>>

export type BucketZoneName = keyof typeof BUCKET_ZONES

export const BUCKET_ZONE_NAMES = Object.keys(BUCKET_ZONES) as BucketZoneName[]

export function isBucketZone(name: string): name is BucketZoneName {
	return Object.hasOwn(BUCKET_ZONES, name)
}
