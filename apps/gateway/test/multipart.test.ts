import { isGatewayError } from '@tianjillm/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MultipartBody } from '../src/http/multipart.ts'

const type = 'multipart/form-data; boundary=XX'
const form = (...parts: readonly string[]) =>
  Buffer.from(`${parts.map((part) => `--XX\r\n${part}\r\n`).join('')}--XX--\r\n`, 'latin1')
const field = (name: string, value: string) => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`
const file = (content: string) =>
  `Content-Disposition: form-data; name="file"; filename="a \\"b\\".png"\r\nContent-Type: image/png\r\n\r\n${content}`

describe('a multipart body', () => {
  it('has its fields and files', () => {
    const body = new MultipartBody(form(field('model', 'm'), file('\x89PNG\r\n--X\xff'), field('empty', '')), type)
    expect(body.parts.map(({ name }) => name)).toEqual(['model', 'file', 'empty'])
    expect(body.text(body.parts[0]!)).toBe('m')
    expect(body.text(body.parts[2]!)).toBe('')
    const upload = body.upload(body.parts[1]!)
    expect(upload).toMatchObject({ name: 'a "b".png', type: 'image/png' })
    expect(Buffer.from(upload.bytes).toString('latin1')).toBe('\x89PNG\r\n--X\xff')
  })

  it('gets another model without touching a byte of its files', () => {
    const bytes = form(file('\x00\xff\r\n'), field('model', 'small'))
    const changed = new MultipartBody(bytes, type).withModel('dall-e-2')
    expect(Buffer.from(changed!).toString('latin1')).toBe(bytes.toString('latin1').replace('small', 'dall-e-2'))
  })

  it('gets a model when it had none', () => {
    const bytes = form(file('x'))
    const changed = new MultipartBody(Buffer.from(new MultipartBody(bytes, type).withModel('m')!), type)
    expect(changed.parts.map(({ name }) => name)).toEqual(['model', 'file'])
    expect(changed.text(changed.parts[0]!)).toBe('m')
  })

  it('reads what the platform itself writes, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'grapheme' }), async (bytes, text) => {
        const written = new FormData()
        written.append('prompt', text)
        written.append('image', new Blob([bytes], { type: 'image/png' }), 'a.png')
        const response = new Response(written)
        const body = new MultipartBody(
          Buffer.from(await response.clone().arrayBuffer()),
          response.headers.get('content-type')!,
        )
        const again = await response.formData()
        expect(body.text(body.parts[0]!)).toBe(again.get('prompt'))
        expect(Buffer.from(body.upload(body.parts[1]!).bytes).equals(Buffer.from(bytes))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('refuses anything else with a GatewayError', () => {
    const whole = form(field('model', 'm'), file('abc')).toString('latin1')
    fc.assert(
      fc.property(fc.nat(whole.length - 6), fc.string(), (cut, noise) => {
        try {
          new MultipartBody(Buffer.from(whole.slice(0, cut) + noise, 'latin1'), type)
        } catch (error) {
          expect(isGatewayError(error)).toBe(true)
        }
      }),
    )
    expect(() => new MultipartBody(Buffer.from(''), 'multipart/form-data')).toThrow('no boundary')
    expect(() => new MultipartBody(Buffer.from('hello'), type)).toThrow('does not occur')
    expect(() => new MultipartBody(form('Content-Type: text/plain\r\n\r\nx'), type)).toThrow('no name')
    expect(() => new MultipartBody(form(...Array(101).fill(field('a', 'b'))), type)).toThrow('more than 100 parts')
  })
})
