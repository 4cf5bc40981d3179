import type { JsonObject } from '@tianjillm/core'
import { toFlag, toMap, toMaps, toNumber, toTexts, valueAt } from './coerce.ts'
import type { Environment } from './environment.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

interface Difference {
  readonly path: Path
  readonly message: string
}

/** Notes what a file says that means something else here than it does to LiteLLM. */
export function noteDifferences(file: JsonObject, env: Environment, source: Source): void {
  for (const { path, message } of [
    ...ofAccess(file, env),
    ...ofRouting(file),
    ...ofModels(file),
    ...ofGuardrails(file),
  ])
    source.note(path, message, 'difference')
}

function ofAccess(file: JsonObject, env: Environment): readonly Difference[] {
  const hasKey =
    valueAt(file, ['general_settings', 'master_key']) ||
    toMaps(file.keys).length > 0 ||
    toFlag(valueAt(file, ['general_settings', 'enable_jwt_auth'])) ||
    env('TIANJI_MASTER_KEY') ||
    env('LITELLM_MASTER_KEY')
  return given(!hasKey, ['general_settings', 'master_key'], 'without any key the gateway listens on 127.0.0.1 alone.')
}

/** Settings of routing, wherever they are written. */
function ofRouting(file: JsonObject): readonly Difference[] {
  const find = (...keys: readonly string[]) =>
    ['router_settings', 'litellm_settings'].flatMap((section) =>
      keys.flatMap((key) => {
        const value = toMap(file[section])[key]
        return value === undefined || value === null ? [] : [{ path: [section, key], value }]
      }),
    )
  const [retries] = find('num_retries')
  const retriesAtAll = retries === undefined ? undefined : toNumber(retries.value)
  const [cooldown] = find('cooldown_time', 'disable_cooldowns')
  const [fails] = find('allowed_fails')
  const [timeout] = find('timeout', 'request_timeout')
  const [tags] = find('enable_tag_filtering')
  const [strategy] = find('routing_strategy')
  return [
    ...(retries === undefined
      ? []
      : [
          retriesAtAll === 0
            ? { path: retries.path, message: 'with 0 no other deployment of the group is asked either.' }
            : { path: retries.path, message: 'pauses between tries grow after errors of every kind.' },
        ]),
    ...given(
      fails !== undefined && cooldown === undefined,
      fails?.path ?? [],
      'a deployment that fails more often is left alone for 5 seconds; set cooldown_time for longer.',
    ),
    ...given(
      timeout !== undefined,
      timeout?.path ?? [],
      'counts to the head of an answer and then between its pieces, not for the whole of it.',
    ),
    ...given(
      tags !== undefined && toFlag(tags.value) === true,
      tags?.path ?? [],
      'a request whose tags fit no deployment gets 403, and its code is tags_not_allowed.',
    ),
    ...given(
      strategy?.value === 'usage-based-routing',
      strategy?.path ?? [],
      'chooses as usage-based-routing-v2 does, without refusing what is over a limit.',
    ),
  ]
}

function ofModels(file: JsonObject): readonly Difference[] {
  return toMaps(file.model_list).flatMap(({ litellm_params }, index) => {
    const { max_parallel_requests } = toMap(litellm_params)
    return given(
      max_parallel_requests !== undefined && max_parallel_requests !== null,
      ['model_list', index, 'litellm_params', 'max_parallel_requests'],
      'what is over it goes to another deployment or is refused; nothing waits in a queue.',
    )
  })
}

const failModes = [
  'fail_mode',
  'fail_open',
  'fail_on_error',
  'unreachable_fallback',
  'block_failures',
  'fallback_on_error',
]

function ofGuardrails(file: JsonObject): readonly Difference[] {
  return toMaps(file.guardrails).flatMap(({ litellm_params }, index) => {
    const path = ['guardrails', index, 'litellm_params']
    const params = toMap(litellm_params)
    return [
      ...given(
        failModes.every((key) => params[key] === undefined || params[key] === null),
        path,
        'a guardrail that fails itself refuses the request, whichever it is, unless fail_mode is open.',
      ),
      ...given(
        toTexts(params.mode).some((mode) => mode.toLowerCase() === 'post_call'),
        [...path, 'mode'],
        'a stream under post_call is held back until it is judged, and so can be blocked.',
      ),
    ]
  })
}

function given(isSo: unknown, path: Path, message: string): readonly Difference[] {
  return isSo ? [{ path, message }] : []
}
