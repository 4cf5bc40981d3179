// What every program here is to do, and how it says what came of it.
export const { way, calls } = JSON.parse(process.argv[2])

/** `tools` are entries of a list, `results` those of the calls. */
export function tell(tools, results) {
  const texts = results.map(({ content }) => content.map(({ text }) => text).join('\n'))
  console.log(JSON.stringify({ tools: tools.map(({ name }) => name), texts }))
}
