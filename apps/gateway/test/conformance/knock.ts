// The program that the suite starts for each scenario: it has the process that started the suite play it.
const [, , place = '', url] = process.argv
const {
  MCP_CONFORMANCE_SCENARIO: name,
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision,
  MCP_CONFORMANCE_CONTEXT: context = '{}',
} = process.env
const body = JSON.stringify({ ...JSON.parse(context), name, url, revision })
const response = await fetch(place, { method: 'POST', body })
if (!response.ok) console.error(await response.text())
process.exitCode = response.ok ? 0 : 1
