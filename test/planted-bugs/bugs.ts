/** A defect that somebody could write, and what finds it. */
export interface PlantedBug {
	name: string
	file: string
	/** Stands in the file exactly once. */
	find: string
	replace: string
	/** The world of `npm run explore`, with two deliveries and one fault; so many exports of `npm run simulate`, with seed 1; or a file of unit tests. */
	foundBy: { explore: string } | { simulate: number } | { test: string }
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
	{
		name: 'an abandoned claim is called again',
		file: 'lib/ledger/ledger.ts',
		find: "return { kind: 'abandoned', entry }",
		replace: "return { kind: 'claim', previous: entry, next: nextClaim(entry, claim) }",
		foundBy: { explore: 'one export, delivered three times' },
	},
	{
		name: 'a delivery that finds a claim does not wait for its end',
		file: 'lib/ledger/ledger.ts',
		find: 'if (entry.leaseUntilMs > claim.nowMs)',
		replace: 'if (entry.leaseUntilMs > claim.nowMs + 3_600_000)',
		foundBy: { test: 'test/ledger/ledger.test.ts' },
	},
	{
		name: 'the lease ignores that clocks differ',
		file: 'lib/export/claim-export.ts',
		find: 'const LEASE_MARGIN_MS = 60_000',
		replace: 'const LEASE_MARGIN_MS = -20_000',
		foundBy: { test: 'test/export/claim-export.test.ts' },
	},
	{
		name: 'an outcome is published before it is stored',
		file: 'lib/export/settle-export.ts',
		find: 'const next = settle(entry, event, settledAtMs, deduplicationMs)',
		replace:
			'const next = settle(entry, event, settledAtMs, deduplicationMs)\n\t\tawait ports.publish(event)',
		foundBy: { simulate: 4_000 },
	},
	{
		name: 'the destination is not checked',
		file: 'lib/export/claim-export.ts',
		find: "if (taking.value.kind === 'ours') return claimed\n",
		replace: 'if (taking.value.kind !== undefined) return claimed\n',
		foundBy: { explore: 'two instances that ask for one place' },
	},
	{
		name: 'each delivery of a rejected message decides anew',
		file: 'lib/ledger/ledger.ts',
		find: 'entry.event?.data.trigger.id === claim.triggerId',
		replace: 'entry.event?.data.trigger.id === claim.fingerprint',
		foundBy: { explore: 'a place that another instance gives back' },
	},
	{
		name: 'a coverage check does not note that it joins an export',
		file: 'lib/ledger/ledger.ts',
		find: "return { ...entry, coverage: 'joined', expiresAtMs }",
		replace: 'return { ...entry, expiresAtMs }',
		foundBy: { test: 'test/export/claim-export.test.ts' },
	},
	{
		name: 'a candidate counts as proof',
		file: 'lib/arrival/evidence.ts',
		find: '(isDestinationOurs && key.startsWith(expectedPrefix)) || namesInstance(key, request.instanceNo)',
		replace: 'key !== expectedPrefix + isDestinationOurs',
		foundBy: { test: 'test/arrival/evidence.property.test.ts' },
	},
	{
		name: 'the objects of other exports are no rivals',
		file: 'lib/arrival/evidence.ts',
		find: 'return isOurs || !namesInstance(key, request.instanceNo)',
		replace: 'return false',
		foundBy: { test: 'test/arrival/evidence.property.test.ts' },
	},
	{
		name: 'a resend is not counted first',
		file: 'lib/ledger/ledger.ts',
		find: 'resends: resends + 1,',
		replace: 'resends,',
		foundBy: { test: 'test/arrival/resend-export.test.ts' },
	},
	{
		name: 'a resend does not look first whether the object is there',
		file: 'lib/arrival/check-arrival.ts',
		find: "if (isResendDue && finding.kind === 'absent' && timeToCall(deadline) !== null)",
		replace: 'if (isResendDue && timeToCall(deadline) !== null)',
		foundBy: { test: 'test/arrival/check-arrival.test.ts' },
	},
	{
		name: 'a lost reply is taken for "not done"',
		file: 'lib/ncp/read-reply.ts',
		find: "kind: sent ? 'unknown' : 'later',",
		replace: "kind: 'later',",
		foundBy: { explore: 'one export, delivered three times' },
	},
	{
		name: 'the deadline has the wrong sign',
		file: 'lib/arrival/check-arrival.ts',
		find: 'const isLast = waitedMs >= ports.deadlineMs',
		replace: 'const isLast = waitedMs <= ports.deadlineMs',
		foundBy: { explore: 'one export and its checks' },
	},
	{
		name: 'the delay of a check has the wrong sign',
		file: 'lib/arrival/schedule-check.ts',
		find: 'nowMs > nextCheckAtMs + GRACE_MS',
		replace: 'nowMs < nextCheckAtMs - GRACE_MS',
		foundBy: { test: 'test/arrival/schedule-check.test.ts' },
	},
	{
		name: 'the first check is not asked for',
		file: 'lib/export/export-backup.ts',
		find: 'if (arrival !== null && schedule !== null && needsCheck(entry, now()))',
		replace: 'if (arrival !== null && schedule !== null && needsCheck(entry, now()) && entry.attempts > 9)',
		foundBy: { explore: 'one export and its checks' },
	},
	{
		name: 'a message is acknowledged although its outcome is not published',
		file: 'lib/queue/handle-message.ts',
		find: "else if (ending.kind === 'unpublished') throw ending.error",
		replace: '',
		foundBy: { explore: 'one export, delivered three times' },
	},
	{
		name: 'a check that could not publish is acknowledged',
		file: 'lib/arrival/check-arrival.ts',
		find: 'const { entry, next } = ending\n\t\tawait publish(entry.event)',
		replace: 'const { entry, next } = ending\n\t\tawait publish(entry.event).catch(() => undefined)',
		foundBy: { explore: 'one export and its checks' },
	},
	{
		name: 'an ended export is forgotten at once',
		file: 'lib/ledger/ledger.ts',
		find: 'return isCovered ? Math.max(deduplicationMs, COVERED_MS) : deduplicationMs',
		replace: 'return isCovered ? COVERED_MS : deduplicationMs / 1_000',
		foundBy: { simulate: 1_000 },
	},
	{
		name: 'an open outcome is kept no longer than an ended one',
		file: 'lib/ledger/ledger.ts',
		find: 'return Math.max(entry.expiresAtMs, nowMs + UNSETTLED_MS)',
		replace: 'return nowMs + 1_000',
		foundBy: { simulate: 1_000 },
	},
	{
		name: 'a write does not look at what it replaces',
		file: 'lib/aws/exports-table.ts',
		find: 'exportId = :exportId AND (',
		replace: 'exportId = :exportId OR (',
		foundBy: { explore: 'one export, delivered three times' },
	},
	{
		name: 'coverage asks again for a copy that somebody removed',
		file: 'lib/coverage/assess-backup.ts',
		find: "if (known?.state === 'completed') return isPremature(inspected, known) ? 'failing' : 'gone'",
		replace: "if (known?.state === 'completed') return 'due'",
		foundBy: { test: 'test/coverage/assess-backup.test.ts' },
	},
	{
		name: 'coverage takes any object of the name for a copy',
		file: 'lib/coverage/match-objects.ts',
		find: 'return endedAtMs !== null && size > 0 && Date.parse(lastModified) >= endedAtMs - CLOCK_TOLERANCE_MS',
		replace: 'return size >= 0',
		foundBy: { test: 'test/coverage/match-objects.test.ts' },
	},
	{
		name: 'a delivery undoes the taking that another relies on',
		file: 'lib/aws/destinations.ts',
		find: 'const stored = await write(request, next, known)\n\t\t\t\tif (stored === null) continue',
		replace:
			"if (previous !== null && isAskedAlready(previous, next)) return { kind: 'ours', undo: NOTHING }\n\t\t\t\tconst stored = await write(request, next, known)\n\t\t\t\tif (stored === null) continue",
		foundBy: { test: 'test/aws/destinations.test.ts' },
	},
	{
		name: 'two exports get one id',
		file: 'lib/ledger/ledger.ts',
		find: 'exportId: createId(nowMs),',
		replace: "exportId: 'export',",
		foundBy: { explore: 'two instances in one bucket, with folders' },
	},
]
