import { expect, it } from 'vitest'
import { isSafeUrl } from '../src/index.ts'

it.each([
  ...['https://id.example/keys', 'http://localhost:9', 'http://127.0.0.1/x', 'http://127.8.8.8', 'http://[::1]:80'],
])('%s is safe', (url) => {
  expect(isSafeUrl(url)).toBe(true)
})

it.each([
  ...['http://id.example', 'http://localhost.example', 'http://127.0.0.1.example', 'https://me:word@id.example'],
  ...['ftp://localhost/x', 'file:///etc/passwd', 'nowhere', '', 'http://10.0.0.1', 'http://[::2]'],
])('%s is not', (url) => {
  expect(isSafeUrl(url)).toBe(false)
})
