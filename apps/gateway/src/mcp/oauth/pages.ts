/** What a person is asked before they are sent to a server's sign-in. */
export function consentPage({ server, title }: { readonly server: string; readonly title: string }): Response {
  return page(
    `Sign in to ${server}`,
    `<p>This gateway will use the MCP server <b>${escaped(server)}</b> as you, for <b>${escaped(title)}</b>.</p>
<p>Go on only if that is you, and you have asked for this link yourself.</p>
<form method="post"><button>Go on to ${escaped(server)}</button></form>`,
  )
}

/** What they are told in the end. */
export function resultPage(heading: string, text: string, status = 200): Response {
  return page(heading, `<p>${escaped(text)}</p>`, status)
}

/** Nothing of it may be kept, framed, or told to other sites: its address is a secret for a while. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  // With `no-referrer` browsers do not say which page a form is from.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const style =
  'body{font:16px/1.5 system-ui;max-width:36rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}'

function page(heading: string, body: string, status = 200): Response {
  const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(heading)}</title><style>${style}</style>
<h1>${escaped(heading)}</h1>
${body}
</html>
`
  return new Response(html, { status, headers })
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
