import { cut } from '../errors.ts'
import { isRecord } from '../formats/json.ts'
import type { ListedBackup, ListedInstance } from '../ports.ts'
import type { Discovery, ListNames, ProductRow } from '../products.ts'
import type { Fields } from './read-reply.ts'

/** One reply of a list. `totalRows` counts the rows of all pages. */
export interface Page<Row> {
	totalRows: number
	rows: readonly Row[]
}

/** Why a reply is no part of a whole list. */
export interface Unreadable {
	problem: string
}

/** A product that can be listed. */
export interface ListedProduct extends ProductRow {
	discovery: Discovery
}

/** Reads the fields of a reply. Total. A row without its number or status makes the whole reply unreadable. */
export function readInstances(
	fields: Fields,
	{ instanceField, discovery: { instances, nameField, statusField } }: ListedProduct,
): Page<ListedInstance> | Unreadable {
	return readPage<ListedInstance>(fields, instances, instanceField, (row, instanceNo) => {
		// One that no message or folder can hold would fail the sweep of all others.
		if (!/^\d{1,20}$/.test(instanceNo))
			return { problem: `the ${instanceField} ${cut(instanceNo)} is no number of an instance` }
		const status = fieldOf(row, statusField)
		const code = isRecord(status) ? textOf(status, 'code') : null
		// Taken for an instance that is not there, it would never be looked at again.
		if (code === null) return { problem: `instance ${cut(instanceNo)} has no status` }
		return { instanceNo, name: textOf(row, nameField) ?? '', isThere: code === 'CREAT' }
	})
}

/** Reads the fields of a reply. Total. A row without its file name, or with an unreadable end, makes the whole reply unreadable. */
export function readBackups(
	fields: Fields,
	{ fileField, discovery: { backups } }: ListedProduct,
): Page<ListedBackup> | Unreadable {
	return readPage<ListedBackup>(fields, backups, fileField, (row, fileName) => {
		const end = fieldOf(row, 'endTime')
		const endedAtMs = isEmpty(end) ? null : readDate(end)
		// Guessed to be running, a finished backup would never be exported.
		if (!isEmpty(end) && endedAtMs === null)
			return { problem: `the endTime of backup ${cut(fileName)} is unreadable` }
		return {
			fileName,
			startedAtMs: readDate(fieldOf(row, 'startTime')),
			endedAtMs,
			sizeBytes: countOf(row, 'backupSize'),
		}
	})
}

function readPage<Row extends object>(
	fields: Fields,
	names: ListNames,
	keyField: string,
	readRow: (row: Fields, key: string) => Row | Unreadable,
): Page<Row> | Unreadable {
	const totalRows = countOf(fields, 'totalRows')
	if (totalRows === null) return { problem: 'it has no readable totalRows' }
	const listed = rowsOf(fieldOf(fields, names.list), names.row, keyField)
	if (listed === null) return { problem: `its ${names.list} is unreadable` }
	const rows: Row[] = []
	for (const each of listed) {
		const key = isRecord(each) ? textOf(each, keyField) : null
		const row = key === null ? { problem: `a row has no ${keyField}` } : readRow(each as Fields, key)
		if ('problem' in row) return row
		rows.push(row)
	}
	return { totalRows, rows }
}

/** An array, a record that holds one row or several under the row's name, a row alone, or nothing. Null for anything else. */
function rowsOf(list: unknown, rowName: string, keyField: string): readonly unknown[] | null {
	if (isEmpty(list)) return []
	if (Array.isArray(list)) return list
	if (!isRecord(list)) return null
	// XML that repeats the list's element for each row looks like this when there is one.
	if (Object.hasOwn(list, keyField)) return [list]
	const rows = fieldOf(list, rowName)
	if (isEmpty(rows)) return Object.keys(list).every((name) => name === rowName) ? [] : null
	return Array.isArray(rows) ? rows : [rows]
}

/** A date with its offset: `+0900`, `+09:00` or `Z`. Without one, nobody knows which moment is meant. */
const DATE = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})$/

/** The offset may lead out of the years that have four digits, as an event's must. */
const MIN_MS = Date.parse('0000-01-01T00:00:00Z')
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** Milliseconds since the epoch, or null. */
function readDate(value: unknown): number | null {
	const [, wall, fraction = '', zone = ''] = (typeof value === 'string' && DATE.exec(value.trim())) || []
	if (wall === undefined) return null
	const wallMs = Date.parse(`${wall}Z`)
	// Date.parse turns 30 February into 2 March.
	if (Number.isNaN(wallMs) || !new Date(wallMs).toISOString().startsWith(wall)) return null
	const atMs = Date.parse(`${wall}${fraction.slice(0, 4)}${zone.replace(/(\d{2}):?(\d{2})$/, '$1:$2')}`)
	return Number.isNaN(atMs) || atMs < MIN_MS || atMs > MAX_MS ? null : atMs
}

/** A number of rows or bytes, sent as a number or as a text. At most 15 digits, so that none is lost. */
function countOf(fields: Fields, name: string): number | null {
	const text = textOf(fields, name)
	return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

function textOf(fields: Fields, name: string): string | null {
	const value = fieldOf(fields, name)
	return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

/** JSON leaves an absent value out or writes null; XML writes an empty element. */
function isEmpty(value: unknown): boolean {
	return value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
}

function fieldOf(fields: Fields, name: string): unknown {
	return Object.hasOwn(fields, name) ? fields[name] : undefined
}
