import type { JsonObject } from '@tianjillm/core'
import { sectionOf, sectionPath } from './coerce.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

/** Keys whose value is Python code, and what to use in its place. */
const pythonKeys: readonly (readonly [section: string, key: string, remedy: string])[] = [
  ['general_settings', 'custom_auth', 'Use master_key and keys of the file, or check callers in front of the gateway.'],
  ['general_settings', 'custom_key_generate', 'Write keys of the file with their limits.'],
  ['general_settings', 'custom_key_policy', 'Write keys of the file with their limits.'],
  ['general_settings', 'custom_key_update', 'Write keys of the file with their limits.'],
  ['general_settings', 'custom_sso', 'Put single sign-on in front of the gateway.'],
  ['general_settings', 'custom_ui_sso_sign_in_handler', 'Put single sign-on in front of the gateway.'],
  ['general_settings.litellm_jwtauth', 'custom_validate', 'Use enforce_rbac with role_mappings.'],
  ['litellm_settings', 'custom_provider_map', 'Write a provider plugin and name it in plugins.'],
  ['litellm_settings', 'post_call_rules', 'Write a guardrail plugin and name it in plugins.'],
]

/** Warns of every key that asks for Python code. */
export function warnOfPythonKeys(file: JsonObject, source: Source): void {
  for (const [section, key, remedy] of pythonKeys) {
    const value = sectionOf(file, section)[key]
    if (value !== undefined && value !== null) warnOfPython([...sectionPath(section), key], remedy, source)
  }
}

/** Whether what stands under a key of a section is Python code. */
export function isPythonKey(section: string, key: string): boolean {
  return pythonKeys.some(([ofSection, name]) => ofSection === section && name === key)
}

/** Whether a name is that of something inside a Python module: `module.instance`. */
export function isPythonName(name: string): boolean {
  return /^\w+(\.\w+)+$/.test(name)
}

/** Says that what is at a path is left out, and what would do instead. */
export function warnOfPython(path: Path, remedy: string, source: Source): void {
  source.warn(path, `is Python code, which does not run here; it is left out. ${remedy}`, 'python')
}
