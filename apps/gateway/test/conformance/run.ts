/** `npm run conformance`: the suite of the Model Context Protocol, through the gateway. Words choose runs by their names. */
import { expectedFailures, findSuite, judge, legs } from './judge.ts'

const suite = findSuite()
if (suite === undefined) throw new Error('@modelcontextprotocol/conformance is not installed: run npm run setup.')
const words = process.argv.slice(2)
const chosen = legs.filter(({ name }) => words.every((word) => name.includes(word)))
if (chosen.length === 0) throw new Error(`There are these runs: ${legs.map(({ name }) => name).join('; ')}.`)

for (const leg of chosen) {
  const { conforms, passed, failed, report } = await judge(suite, leg)
  const expected = expectedFailures(leg)
  const unexpected = failed.filter((name) => !expected.includes(name))
  const mended = expected.filter((name) => passed.includes(name))
  const isGood = conforms && unexpected.length === 0 && mended.length === 0
  console.log(`${isGood ? '✓' : '✗'} ${leg.name}: ${passed.length} scenarios passed, ${failed.length} did not`)
  for (const name of passed) console.log(`  ✓ ${name}`)
  for (const name of failed) console.log(`  ✗ ${name}${unexpected.includes(name) ? '' : ', as expected'}`)
  for (const name of mended) console.log(`  ${name} passes: take it out of the expected failures.`)
  if (isGood) continue
  process.exitCode = 1
  console.log(report)
}
