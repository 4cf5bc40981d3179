import type { JsonObject } from '@tianjillm/core'
import { expect } from 'vitest'
import type { Arrived } from './fake-upstream.ts'

/** A file in a multipart body. */
export interface SentFile {
  readonly name?: string
  readonly type?: string
  readonly bytes: Uint8Array
}

/** What a plugin is expected to send. What is absent is not looked at. */
export interface Sent {
  /** Default POST. */
  readonly method?: string
  /** Absolute, with the query. */
  readonly url: string
  /** By lower-case name: the exact value, a pattern, or null for a header that must not be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>
  /** A JSON body. */
  readonly json?: unknown
  /** A body byte by byte. */
  readonly bytes?: string | Uint8Array
  /** A multipart body: exactly these fields; a repeated one is a list. */
  readonly form?: Readonly<Record<string, string | SentFile | readonly string[]>>
}

/** Asserts that what arrived is what was expected. */
export async function expectSent(arrived: Arrived | undefined, sent: Sent): Promise<void> {
  expect(arrived, `a request to ${sent.url} should have arrived`).toBeDefined()
  const request = arrived!
  expect(`${request.method} ${request.url}`).toBe(`${sent.method ?? 'POST'} ${sent.url}`)
  for (const [name, value] of Object.entries(sent.headers ?? {})) {
    if (value === null) expect(request.headers[name], `header ${name}`).toBeUndefined()
    else if (typeof value === 'string') expect(request.headers[name], `header ${name}`).toBe(value)
    else expect(request.headers[name], `header ${name}`).toMatch(value)
  }
  if (sent.json !== undefined) {
    expect(request.headers['content-type']).toMatch(/^application\/json/)
    expect(JSON.parse(request.text)).toEqual(sent.json)
  }
  if (typeof sent.bytes === 'string') expect(request.text).toBe(sent.bytes)
  else if (sent.bytes) expect(Buffer.from(request.body).equals(Buffer.from(sent.bytes)), 'body bytes').toBe(true)
  if (sent.form) expect(await formOf(request)).toEqual(expectedForm(sent.form))
}

async function formOf(request: Arrived): Promise<JsonObject> {
  const type = request.headers['content-type'] ?? ''
  expect(type).toMatch(/^multipart\/form-data; ?boundary=/)
  const form = await new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData()
  const fields: Record<string, unknown> = {}
  for (const name of new Set(form.keys())) {
    const values = await Promise.all(form.getAll(name).map(valueIn))
    fields[name] = values.length === 1 ? values[0] : values
  }
  return fields
}

async function valueIn(value: FormDataEntryValue): Promise<unknown> {
  if (typeof value === 'string') return value
  return { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()).toString('hex') }
}

function expectedForm(form: NonNullable<Sent['form']>): JsonObject {
  return Object.fromEntries(
    Object.entries(form).map(([name, value]) => [
      name,
      typeof value === 'string' || 'length' in value
        ? value
        : {
            name: value.name ?? expect.any(String),
            type: value.type ?? expect.any(String),
            bytes: Buffer.from(value.bytes).toString('hex'),
          },
    ]),
  )
}
