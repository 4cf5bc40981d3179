import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvLine, csvResponse } from '../src/http/csv.ts'

async function* pagesOf(...pages: readonly (readonly Readonly<Record<string, unknown>>[])[]) {
  yield* pages
}

describe('a line of CSV', () => {
  it('quotes what would break it, and ends as RFC 4180 has it', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', null, undefined, true, ['x', 'y']])).toBe(
      'a,"b,c","d""e","f\ng",,,true,"[""x"",""y""]"\r\n',
    )
  })

  it('has no formulas, and numbers as they are', () => {
    const formulas = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '=HYPERLINK("http://evil.example","ok")']
    expect(csvLine(formulas)).toBe(`'=1+1,'+1,'-1,'@SUM(A1),'\tx,"'=HYPERLINK(""http://evil.example"",""ok"")"\r\n`)
    expect(csvLine(['\r=1', '\n=1', '＝1'])).toBe(`"'\r=1","'\n=1",'＝1\r\n`)
    expect(csvLine([-1.5, 0, 1e-9])).toBe('-1.5,0,1e-9\r\n')
  })

  it('gives back every text that was written, whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), (cells) => {
        const texts = cells.map((cell) => (/^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell))
        expect(readLine(csvLine(cells))).toEqual(texts)
      }),
    )
  })
})

describe('an answer in CSV', () => {
  it('has a line of names, and all pages under it', async () => {
    const pages = pagesOf([{ id: 'a', spend: 1 }], [{ spend: 2, id: 'b' }], [])
    const response = await csvResponse({ columns: ['id', 'spend'], pages }, 'spend-keys')
    expect(response.headers.get('content-type')).toContain('text/csv')
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="spend-keys.csv"')
    expect(await response.text()).toBe('id,spend\r\na,1\r\nb,2\r\n')
  })

  it('reads no page before it is wanted, and none after a client has gone', async () => {
    const read: number[] = []
    let isClosed = false
    async function* endless() {
      try {
        for (let page = 0; ; page++) {
          read.push(page)
          yield [{ id: page }]
        }
      } finally {
        isClosed = true
      }
    }
    const { body } = await csvResponse({ columns: ['id'], pages: endless() }, 'x')
    const reader = body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(read.length).toBeLessThan(4)
    expect(isClosed).toBe(true)
  })

  it('is no answer at all when the first page cannot be read', async () => {
    async function* broken(): AsyncGenerator<readonly Readonly<Record<string, unknown>>[]> {
      yield await Promise.reject(new Error('gone'))
    }
    await expect(csvResponse({ columns: ['id'], pages: broken() }, 'x')).rejects.toThrow('gone')
  })
})

/** The cells of one line, read by the grammar of RFC 4180. */
function readLine(line: string): readonly string[] {
  const cells = `,${line.slice(0, -2)}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^",]*))/gy)
  return [...cells].map(([, quoted, plain]) => (quoted === undefined ? plain! : quoted.replaceAll('""', '"')))
}
