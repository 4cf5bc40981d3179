/** Most pages of one sign-in. */
const MOST_STEPS = 20

/**
 * Follows a link as somebody does who agrees to everything. `own` is asked in place of the address by which others know
 * it. Rejects where it ends at an error.
 */
export async function agreeToAll(link: string, { own, known }: { own: string; known: string }): Promise<void> {
  const cookies = new Map<string, string>()
  let url = link
  let method = 'GET'
  for (let step = 0; step < MOST_STEPS; step++) {
    const isOwn = url.startsWith(known) || url.startsWith(own)
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const headers: Record<string, string> = isOwn && cookie !== '' ? { cookie } : {}
    const response = await fetch(url.replace(known, own), { method, headers, redirect: 'manual' })
    for (const [name, value] of response.headers.getSetCookie().map(pairIn)) if (isOwn) cookies.set(name, value)
    const location = response.headers.get('location')
    const page = await response.text()
    if (response.status >= 400) throw new Error(`${url} answered ${response.status}: ${page}`)
    if (location === null && !page.includes('<form method="post">')) return
    if (location !== null) url = new URL(location, url).href
    method = location === null ? 'POST' : 'GET'
  }
  throw new Error(`There is no end to ${link}.`)
}

function pairIn(cookie: string): readonly [name: string, value: string] {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
  return [name, value]
}
