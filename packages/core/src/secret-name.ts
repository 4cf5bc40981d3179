const telling =
  /passw|passphrase|secret|credential|api[_-]?key|private[_-]?key|access[_-]?key|authori[sz]ation|cookie|token(?!s)/i

/** Whether something of this name is a secret, as far as names tell. A number of `tokens` is none. */
export function isSecretName(name: string): boolean {
  return telling.test(name)
}
