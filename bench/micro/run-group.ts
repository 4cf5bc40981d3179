/** Measures the stages of one group, and sends each price to the process that started this one. */
import { measure, type Stage } from './measure.ts'

const [group = '', filter = ''] = process.argv.slice(2)
const { stages } = (await import(`./${group}.ts`)) as { readonly stages: readonly Stage[] }
for (const stage of stages) if (stage.name.includes(filter)) process.send!(await measure(stage))
process.disconnect()
