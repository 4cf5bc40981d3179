import { isDeepStrictEqual } from 'node:util'
import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { isSecret, MASK, maskedUrl } from '../mask.ts'

/** Keys whose values are secrets, whatever they are called. */
const wholly: ReadonlySet<string> = new Set(['env', 'static_headers'])

/** As texts and as addresses have it. */
const marks = [MASK, encodeURIComponent(MASK)]

/** An entry of `mcp_servers` with a mark in place of each secret. */
export function shownEntry(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, shown(key, value, wholly.has(key))]))
}

/**
 * What somebody means who sends back an entry that was shown: a mark is the secret that it stood for. Throws GatewayError
 * `invalid_request` for a mark that stands for none.
 */
export function meantEntry(sent: JsonObject, known: JsonObject): JsonObject {
  const before = shownEntry(known)
  return Object.fromEntries(
    Object.entries(sent).map(([key, value]) => {
      const meant = restored(value, before[key], known[key])
      if (marks.some((mark) => JSON.stringify(meant)?.includes(mark)))
        throw new GatewayError('invalid_request', `\`${key}\`: ${MASK} stands for no secret here. Give the value.`, {
          param: key,
        })
      return [key, meant]
    }),
  )
}

function shown(key: string, value: unknown, isHidden: boolean): unknown {
  if (Array.isArray(value))
    return key === 'args' ? value.map(shownArgument) : value.map((one) => shown(key, one, isHidden))
  if (isJsonObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, shown(name, inner, isHidden || isHiddenBy(name))]),
    )
  if (isHidden || isHiddenBy(key)) return value == null || typeof value === 'boolean' ? value : MASK
  return typeof value === 'string' ? shownText(value) : value
}

/** Addresses of where tokens are made are no secrets. */
function isHiddenBy(name: string): boolean {
  return isSecret(name) && !/_url$|_endpoint$|_type$/.test(name)
}

/** An address may have a secret in it. */
function shownText(text: string): string {
  if (!/^https?:\/\/\S*[?@]/i.test(text) || !URL.canParse(text)) return text
  const { username, password } = new URL(text)
  const masked = maskedUrl(text)
  return masked === new URL(text).href && username === '' && password === '' ? text : masked
}

/** `--api-key=…`, or what follows `--api-key`. */
function shownArgument(argument: unknown, index: number, all: readonly unknown[]): unknown {
  if (typeof argument !== 'string') return argument
  const [, flag, value] = /^(--?[\w-]+|\w+)=(.*)$/s.exec(argument) ?? []
  if (flag !== undefined) return isFlagOfSecret(flag) && value !== '' ? `${flag}=${MASK}` : argument
  const before = all[index - 1]
  return typeof before === 'string' && /^-/.test(before) && isFlagOfSecret(before) ? MASK : shownText(argument)
}

function isFlagOfSecret(flag: string): boolean {
  return isSecret(flag.replace(/^-+/, '')) || /^-+header$|^-H$/.test(flag)
}

function restored(sent: unknown, shown: unknown, known: unknown): unknown {
  if (isDeepStrictEqual(sent, shown)) return known
  if (isJsonObject(sent) && isJsonObject(shown) && isJsonObject(known))
    return Object.fromEntries(
      Object.entries(sent).map(([name, value]) => [
        name,
        Object.hasOwn(shown, name) ? restored(value, shown[name], known[name]) : value,
      ]),
    )
  if (Array.isArray(sent) && Array.isArray(shown) && Array.isArray(known) && sent.length === shown.length)
    return sent.map((value, index) => restored(value, shown[index], known[index]))
  return sent
}
