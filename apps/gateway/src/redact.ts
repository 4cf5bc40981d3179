/** Takes secrets out of a text. */
export type Redact = (text: string) => string

/** Shapes of keys that vendors and gateways use, whoever they belong to. */
const keyShapes =
  /\b(?:sk|pk|rk|gsk|xai|tvly|AIza|AKIA|ghp|hf)[-_]?[A-Za-z0-9_-]{16,}|\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{8,}/g

/** A redactor of the configured secrets, and of whatever looks like a key. */
export function createRedactor(secrets: Iterable<string>): Redact {
  // Longest first, so that a secret that contains another goes whole. Short ones would blot out ordinary words.
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= 6)
    .sort((one, other) => other.length - one.length)
  return (text) => {
    let clean = text
    for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, '[redacted]')
    return clean.replace(keyShapes, (_match, scheme?: string) => (scheme ? `${scheme} [redacted]` : '[redacted]'))
  }
}

/** Takes out the secrets of every configuration that was in force since the process began. */
export interface Redaction {
  readonly redact: Redact
  /** These are secrets too, from now on. */
  learn(secrets: Iterable<string>): void
}

/** A redaction that knows no secret yet. */
export function createRedaction(): Redaction {
  const known = new Set<string>()
  let redact = createRedactor(known)
  return {
    redact: (text) => redact(text),
    learn(secrets) {
      for (const secret of secrets) known.add(secret)
      redact = createRedactor(known)
    },
  }
}
