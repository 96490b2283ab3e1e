import * as v from 'valibot'
import { PRODUCT_NAMES } from '../products.ts'
import { BACKUP_STATES } from './assess-backup.ts'

const text = v.string()
const time = v.pipe(v.string(), v.isoTimestamp())

const backupSchema = v.object({
	fileName: text,
	endTime: v.nullable(time),
	backupSize: v.pipe(v.nullable(v.number()), v.description('In bytes, as NCP lists it.')),
	state: v.picklist(BACKUP_STATES),
	key: v.optional(v.pipe(text, v.description('Of the object that proves it.'))),
	size: v.optional(v.number()),
	exportId: v.optional(text),
})

const dataSchema = v.object({
	policy: text,
	product: v.picklist(PRODUCT_NAMES),
	instanceNo: text,
	bucketName: text,
	folderPath: text,
	state: v.pipe(
		v.picklist(['covered', 'behind']),
		v.description('`behind`: a finished backup is not out, and its grace is over.'),
	),
	counts: v.object({
		covered: v.number(),
		underWay: v.number(),
		due: v.number(),
		failing: v.number(),
		gone: v.number(),
		running: v.number(),
	}),
	unknownObjects: v.pipe(
		v.number(),
		v.description('Objects in the folder that have the name of no listed backup. They are never touched.'),
	),
	newestBackupAt: v.nullable(time),
	newestCoveredAt: v.nullable(time),
	behindSince: v.nullable(time),
	backups: v.pipe(
		v.array(backupSchema),
		v.description('The failing ones first, at most 100, and fewer when they are too long.'),
	),
})

/** What a coverage check publishes. The code takes its types from it, and docs/ its JSON Schema; no function loads it. */
export const coverageEventSchema = v.object({
	specversion: v.literal('1.0'),
	id: text,
	source: text,
	type: v.literal('ncp.backup.coverage.v1'),
	subject: text,
	time,
	datacontenttype: v.literal('application/json'),
	data: dataSchema,
})
