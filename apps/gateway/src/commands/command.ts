import { didYouMean } from '@tianjillm/core'
import type { ArgsDef, CommandDef } from 'citty'

/**
 * A command with typed arguments, as one among others. An option it does not have is an error, not ignored; `misused` is
 * the exit code then.
 */
export function command<Args extends ArgsDef>(definition: CommandDef<Args>, misused = 1): CommandDef {
  const own: CommandDef<Args> = {
    ...definition,
    run(context) {
      const problem = unknownOption(context.rawArgs, definition.args as ArgsDef)
      if (problem === undefined) return definition.run?.(context)
      console.error(problem)
      process.exitCode = misused
    },
  }
  // citty's own commands do not fit its type of any command: `run` takes its arguments contravariantly.
  return own as unknown as CommandDef
}

function unknownOption(rawArgs: readonly string[], args: ArgsDef): string | undefined {
  const known = Object.entries(args).flatMap(([name, arg]) => [
    name,
    ...('alias' in arg ? [arg.alias ?? []].flat() : []),
  ])
  const spelled = known.map((name) => (name.length === 1 ? `-${name}` : `--${name}`))
  const option = rawArgs
    .map((arg) => arg.split('=')[0]!)
    .find((name) => /^-{1,2}[a-z]/i.test(name) && !spelled.includes(name))
  return option && `There is no option ${option}.${didYouMean(option, spelled)} See --help.`
}
