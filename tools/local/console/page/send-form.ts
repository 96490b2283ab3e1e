import type { FreshRequest } from '../fresh-backups.ts'
import type { Example, Form, FormField } from '../read-form.ts'
import type { Way } from '../send-request.ts'
import { byId, make } from './dom.ts'

export interface SendForm {
	/** The backup that nobody has asked for yet; null when NCP is not simulated. */
	setNext: (next: FreshRequest | null) => void
}

const FRESH = 'fresh'

/** Makes the form from the schema of a request. `onSend` gets the text as it is to be sent, valid or not. */
export function makeSendForm(
	{ fields, examples, ways }: Form,
	onSend: (text: string, way: Way) => void,
): SendForm {
	const form = byId<HTMLFormElement>('send')
	const select = byId<HTMLSelectElement>('example')
	const asText = byId<HTMLInputElement>('as-text')
	const text = byId<HTMLTextAreaElement>('text')
	const inputs = new Map(fields.map((field) => [field.name, makeInput(field)]))
	let next: FreshRequest | null = null

	byId('fields').append(...fields.map((field) => makeField(field, inputs.get(field.name))))
	byId('ways').append(...ways.map((way, index) => makeWay(way, index === 0)))
	select.append(...examples.map(({ title }, index) => make('option', { value: String(index) }, title)))

	const showAsText = (isText: boolean): void => {
		asText.checked = isText
		byId('fields').hidden = isText
		byId('text-part').hidden = !isText
	}
	const readFields = (): string => {
		const given = [...inputs]
			.filter(([, { value }]) => value !== '')
			.map(([name, { value }]) => [name, value])
		return JSON.stringify(Object.fromEntries(given), null, 2)
	}
	/** False when the text holds what the form has no field for. */
	const fillFields = (request: Readonly<Record<string, unknown>>): boolean => {
		for (const [name, input] of inputs) input.value = String(request[name] ?? '')
		return Object.entries(request).every(([name, value]) => inputs.has(name) && typeof value === 'string')
	}
	const fill = (content: string): void => {
		text.value = content
		const request = parse(content)
		showAsText(request === null || !fillFields(request))
	}
	const showExample = ({ text: content, way }: Example): void => {
		fill(content)
		const radio = form.querySelector<HTMLInputElement>(`input[name="way"][value="${way}"]`)
		if (radio !== null) radio.checked = true
	}

	select.addEventListener('change', () => {
		const example = examples[Number(select.value)]
		if (select.value === FRESH && next !== null) fill(JSON.stringify(next, null, 2))
		else if (example !== undefined) showExample(example)
	})
	asText.addEventListener('change', () => {
		if (asText.checked) text.value = readFields()
		else fillFields(parse(text.value) ?? {})
		showAsText(asText.checked)
	})
	form.addEventListener('submit', (event) => {
		event.preventDefault()
		const way = new FormData(form).get('way') as Way
		onSend(asText.checked ? text.value : readFields(), way)
	})
	const first = examples[0]
	if (first !== undefined) showExample(first)

	return {
		setNext: (request) => {
			const isFirst = next === null
			next = request
			if (request === null) return
			if (isFirst) {
				select.prepend(make('option', { value: FRESH }, 'a backup that nobody has asked for yet'))
				select.value = FRESH
			}
			// What a person has typed into is left alone.
			if (select.value === FRESH && !form.contains(document.activeElement))
				fill(JSON.stringify(request, null, 2))
			else if (isFirst) fill(JSON.stringify(request, null, 2))
		},
	}
}

type Input = HTMLInputElement | HTMLSelectElement

function makeInput({ name, isRequired, pattern, choices }: FormField): Input {
	const shared = { id: `field-${name}`, 'aria-describedby': `hint-${name}` }
	if (choices !== null)
		return make(
			'select',
			shared,
			...['', ...choices].map((choice) => make('option', { value: choice }, choice)),
		)
	const input = make('input', { ...shared, autocomplete: 'off', spellcheck: 'false' })
	if (isRequired) input.setAttribute('aria-required', 'true')
	if (pattern !== null)
		input.addEventListener('input', () => {
			const isValid = input.value === '' || new RegExp(pattern, 'u').test(input.value)
			input.setAttribute('aria-invalid', String(!isValid))
		})
	return input
}

function makeField({ name, isRequired, pattern }: FormField, input: Input | undefined): HTMLElement {
	const rule = pattern === null ? '' : `Rule: ${pattern}`
	return make(
		'div',
		{ class: 'field' },
		make(
			'label',
			{ for: `field-${name}` },
			name,
			isRequired ? make('span', { class: 'hint' }, ' required') : null,
		),
		input ?? null,
		make('span', { id: `hint-${name}`, class: 'rule' }, rule),
	)
}

function makeWay(way: Way, isFirst: boolean): HTMLElement {
	const radio = make('input', { type: 'radio', name: 'way', value: way })
	radio.checked = isFirst
	return make('label', { class: 'check' }, radio, ` ${way}`)
}

function parse(text: string): Record<string, unknown> | null {
	try {
		const value: unknown = JSON.parse(text)
		return typeof value === 'object' && value !== null && !Array.isArray(value)
			? (value as Record<string, unknown>)
			: null
	} catch {
		return null
	}
}
