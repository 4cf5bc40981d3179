// All that keys, teams and budgets do, one line a step. README.md says how to run it.
import { discovery } from './discovery.ts'
import { keys } from './keys.ts'
import { limits, wholeGateway } from './limits.ts'
import { people } from './people.ts'
import { prompts } from './prompts.ts'
import { spend } from './spend.ts'

await people()
await keys()
await limits()
await prompts()
await spend()
await discovery()
await wholeGateway()
