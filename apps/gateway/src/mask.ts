import { isSecretName } from './secrets.ts'

/** What stands where a secret was. */
export const MASK = '[redacted]'

/** Whether a field is what somebody takes for a key, or signs with. */
export function isSecret(field: string): boolean {
  return isSecretName(field) || /^cookie$|^sig$|signature/i.test(field)
}

/** The address without credentials and without what its query keeps secret. Throws TypeError for what is no URL. */
export function maskedUrl(url: string): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  for (const field of [...shown.searchParams.keys()]) if (isSecret(field)) shown.searchParams.set(field, MASK)
  return shown.href
}
