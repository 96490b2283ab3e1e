import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** What a TLS server on this machine proves its name with, and what a client must trust. All in PEM. */
export interface Certificates {
	key: string
	/** The server's certificate and the intermediate one, as AWS's and NCP's ends send them. */
	chain: string
	/** The authority's own certificate. */
	root: string
}

/**
 * A root, an intermediate and a server certificate, all RSA-2048, for `localhost` and two days. Node.js can sign but not write
 * certificates, and the tests need nothing that `npm ci` does not install: https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function createCertificates(): Certificates {
	const [root, intermediate, server] = [
		createParty('root'),
		createParty('intermediate'),
		createParty('server'),
	]
	const rootText = issue(root, root, AUTHORITY)
	const intermediateText = issue(intermediate, root, AUTHORITY)
	const serverText = issue(server, intermediate, FOR_LOCALHOST)
	return {
		key: String(server.privateKey.export({ type: 'pkcs8', format: 'pem' })),
		chain: serverText + intermediateText,
		root: rootText,
	}
}

interface Party {
	name: string
	privateKey: KeyObject
	publicKey: KeyObject
}

function createParty(name: string): Party {
	return { name: `test ${name}`, ...generateKeyPairSync('rsa', { modulusLength: 2_048 }) }
}

const TAGS = {
	boolean: 0x01,
	integer: 0x02,
	bits: 0x03,
	octets: 0x04,
	null: 0x05,
	oid: 0x06,
	utf8: 0x0c,
	time: 0x17,
	sequence: 0x30,
	set: 0x31,
	version: 0xa0,
	extensions: 0xa3,
	dnsName: 0x82,
} as const

/** Tag, length and content. https://www.itu.int/rec/T-REC-X.690 */
function der(tag: keyof typeof TAGS, ...content: readonly (Buffer | string | readonly number[])[]): Buffer {
	const body = Buffer.concat(content.map((each) => Buffer.from(each as Buffer)))
	const size = Buffer.from(body.length.toString(16).padStart(8, '0'), 'hex')
	const short = size.subarray(size.findIndex((byte) => byte !== 0))
	const length = body.length < 128 ? [body.length] : [0x80 + short.length, ...short]
	return Buffer.concat([Buffer.from([TAGS[tag], ...length]), body])
}

const TRUE = der('boolean', [0xff])
const RSA_SHA256 = der('sequence', oid('2a864886f70d01010b'), der('null'))
const AUTHORITY = extension('551d13', TRUE, der('sequence', TRUE))
const FOR_LOCALHOST = extension('551d11', der('sequence', der('dnsName', 'localhost')))

function oid(hex: string): Buffer {
	return der('oid', Buffer.from(hex, 'hex'))
}

/** The last part is the value, which is wrapped once more. */
function extension(hex: string, ...parts: readonly Buffer[]): Buffer {
	const value = parts.at(-1) ?? Buffer.alloc(0)
	return der('sequence', oid(hex), ...parts.slice(0, -1), der('octets', value))
}

function toName(text: string): Buffer {
	return der('sequence', der('set', der('sequence', oid('550403'), der('utf8', text))))
}

function toTime(ms: number): Buffer {
	return der('time', `${new Date(ms).toISOString().slice(2, 19).replace(/\D/g, '')}Z`)
}

const DAY_MS = 24 * 60 * 60 * 1000
let serial = 0

function issue(subject: Party, issuer: Party, extensions: Buffer): string {
	const now = Date.now()
	const content = der(
		'sequence',
		der('version', der('integer', [2])),
		der('integer', [++serial]),
		RSA_SHA256,
		toName(issuer.name),
		der('sequence', toTime(now - DAY_MS), toTime(now + DAY_MS)),
		toName(subject.name),
		subject.publicKey.export({ type: 'spki', format: 'der' }),
		der('extensions', der('sequence', extensions)),
	)
	const signature = der('bits', [0], sign('sha256', content, issuer.privateKey))
	const text = der('sequence', content, RSA_SHA256, signature).toString('base64')
	return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}
