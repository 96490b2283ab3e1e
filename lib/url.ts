/** The base of an API without a trailing slash; what is wrong with it goes into `problems`, under the variable's name. */
export function readBaseUrl(text: string, problems: string[], name: string): string {
	const url = URL.parse(text)
	if (url === null || !/^https?:$/.test(url.protocol)) {
		problems.push(`${name} must be an http(s) URL`)
		return ''
	}
	if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
		problems.push(`${name} must be https, unless the host is loopback`)
	}
	if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
		problems.push(`${name} must hold nothing but scheme, host, port and path`)
	}
	return url.origin + url.pathname.replace(/\/+$/, '')
}

/** True for the names and addresses that never leave the machine. */
export function isLoopback(host: string): boolean {
	return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** The last part of a queue's URL. */
export function toQueueName(queueUrl: string): string {
	return queueUrl.slice(queueUrl.lastIndexOf('/') + 1)
}
