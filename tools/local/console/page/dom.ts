/** The element with this id; the page has it. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
	const element = document.getElementById(id)
	if (element === null) throw new Error(`the page has no #${id}`)
	return element as Kind
}

type Child = Node | string | null

/** Attributes are set as text, and children too: nothing that the cloud says becomes markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
	tag: Tag,
	attributes: Readonly<Record<string, string>> = {},
	...children: Child[]
): HTMLElementTagNameMap[Tag] {
	const element = document.createElement(tag)
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
	element.append(...children.filter((child) => child !== null))
	return element
}

/** A button that does something; `label` is what it shows. */
export function makeButton(
	label: string,
	onPress: () => void,
	attributes: Readonly<Record<string, string>> = {},
) {
	const button = make('button', { type: 'button', ...attributes }, label)
	button.addEventListener('click', onPress)
	return button
}

export function setText(element: Element, text: string): void {
	// Unchanged text is left alone, so that a screen reader does not read it again, and a selection stays.
	if (element.textContent !== text) element.textContent = text
}

/**
 * Makes the children of `parent` those of `items`, in order. An element is made anew only when its item has changed, so that
 * what has the focus keeps it; of an element that is made anew, the same control gets it back.
 */
export function showList<Item>(
	parent: Element,
	items: readonly Item[],
	keyOf: (item: Item) => string,
	toElement: (item: Item) => HTMLElement,
): void {
	const old = new Map(
		[...parent.children].map((child) => [(child as HTMLElement).dataset.key, child as HTMLElement]),
	)
	const next = items.map((item) => {
		const key = keyOf(item)
		const version = JSON.stringify(item)
		const known = old.get(key)
		if (known !== undefined && known.dataset.version === version) return known
		const made = toElement(item)
		made.dataset.key = key
		made.dataset.version = version
		return made
	})
	const focused = parent.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null
	const focus = focused?.dataset.focus
	for (const [index, element] of next.entries()) {
		const present = parent.children[index]
		if (present === element) continue
		// Moving an element takes its focus away, so those that stay are not moved.
		if (present !== undefined && !next.includes(present as HTMLElement)) present.replaceWith(element)
		else parent.insertBefore(element, present ?? null)
	}
	while (parent.children.length > next.length) parent.lastElementChild?.remove()
	if (focus !== undefined && !parent.contains(document.activeElement))
		parent.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focus)}"]`)?.focus()
}
