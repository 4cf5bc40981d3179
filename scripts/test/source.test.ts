import { describe, expect, it } from 'vitest'
import { codeOf, commentsOf, importsOf } from '../house/source.ts'

const source = `/** Head. */
import { a } from './a.ts' // here
const url = 'https://a.test' /* there */ + "//b" + \`// c \${a}\`
const pattern = /["'/*]\\/\\/x/g // end
import {
  b,
  type C,
} from "b"
export * from 'd'
export const e = await import('e')
import 'f'
`

describe('reading TypeScript', () => {
  it('tells code from comments, and from strings and expressions that look like comments', () => {
    const code = codeOf(source)
    expect(code).toContain(`const url = 'https://a.test'             + "//b" + \`// c \${a}\``)
    expect(code).toContain(`const pattern = /["'/*]\\/\\/x/g`)
    expect(code).not.toMatch(/Head|here|there|end/)
    expect(code.length).toBe(source.length)
  })

  it('gives comments alone', () => {
    expect(commentsOf(source).split(/\s{2,}/)).toEqual(['/** Head. */', '// here', '/* there */', '// end', ''])
  })

  it('finds imports of every form, with their lines', () => {
    expect(importsOf(codeOf(source))).toEqual([
      { specifier: './a.ts', line: 2 },
      { specifier: 'b', line: 8 },
      { specifier: 'd', line: 9 },
      { specifier: 'e', line: 10 },
      { specifier: 'f', line: 11 },
    ])
  })
})
