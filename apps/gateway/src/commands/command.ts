import type { ArgsDef, CommandDef } from 'citty'

/** A command with typed arguments, as one among others. */
export function command<Args extends ArgsDef>(definition: CommandDef<Args>): CommandDef {
  // citty's own commands do not fit its type of any command: `run` takes its arguments contravariantly.
  return definition as unknown as CommandDef
}
