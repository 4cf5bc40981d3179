import type { CommandDef } from 'citty'
import { command } from './command.ts'

/** `tianji schema`: the JSON Schema of a configuration, for editors. */
export const schemaCommand: CommandDef = command({
  meta: { name: 'schema', description: 'Print the JSON Schema of a configuration, for editors' },
  args: {},
  async run() {
    const { configSchema } = await import('@tianjillm/config/schema')
    console.log(JSON.stringify(configSchema(), null, 2))
  },
})
