import { describe, expect, it } from 'vitest'
import {
  isoDay,
  type SearchQuery,
  searchCountry,
  searchDomains,
  searchExtras,
  searchPeriod,
  searchResult,
  searchResults,
  searchWords,
  urlQuery,
} from '../src/index.ts'

const query = (rest: object = {}): SearchQuery => ({ model: 'web', query: 'red kites', max_results: 10, ...rest })

describe('a query', () => {
  it('asks several queries as one', () => {
    expect([searchWords(query()), searchWords(query({ query: ['red', 'kites'] }))]).toEqual(['red kites', 'red kites'])
  })

  it('tells wanted domains from unwanted ones', () => {
    expect(searchDomains(query({ search_domain_filter: ['a.test', '-b.test', 'c.test'] }))).toEqual({
      within: ['a.test', 'c.test'],
      without: ['b.test'],
    })
  })

  it.each([undefined, null, []])('takes %o for all domains', (search_domain_filter) => {
    expect(searchDomains(query({ search_domain_filter }))).toEqual({ within: [], without: [] })
  })

  it('has days for its ends, or none', () => {
    expect(searchPeriod(query({ start_date: '2024-01-01T08:00:00Z', end_date: null }))).toEqual({ start: '2024-01-01' })
  })

  it.each(['start_date', 'end_date'])('refuses a %s that is no date', (param) => {
    expect(() => searchPeriod(query({ [param]: 'yesterday' }))).toThrow(
      expect.objectContaining({ kind: 'invalid_request', facts: { param } }),
    )
  })

  it.each([
    [{ country: 'gb', language: 'de-AT' }, 'GB'],
    [{ language: 'de-AT' }, 'AT'],
    [{ language: 'zh-Hant-TW' }, 'TW'],
    [{ language: 'de' }, undefined],
    [{ language: 'zh-Hant' }, undefined],
    [{ country: null, language: null }, undefined],
  ])('with %o is asked in %s', (rest, country) => {
    expect(searchCountry(query(rest))).toBe(country)
  })

  it("tells a vendor's own fields from every search's", () => {
    const rest = { search_domain_filter: [], country: 'GB', language: 'en', start_date: '', end_date: '' }
    const extras = searchExtras(query({ ...rest, max_tokens_per_page: 1, topic: 'news', mood: 'kind' }), ['mood'])
    expect(extras).toEqual({ topic: 'news' })
  })
})

describe('urlQuery', () => {
  it('repeats lists and leaves out what is not there', () => {
    const fields = { q: 'a & b', list: [1, 2], none: undefined, nil: null, no: false }
    expect(String(urlQuery(fields))).toBe('q=a+%26+b&list=1&list=2&no=false')
  })
})

describe('isoDay', () => {
  it.each([
    ['2024-03-02', '2024-03-02'],
    ['2024-03-02T23:30:00-05:00', '2024-03-02'],
    ['2024-03-02 10:00:00 +00:00', '2024-03-02'],
    ['Fri, 03 Jan 2025 23:59:00 GMT', '2025-01-03'],
    ['3 Jan 2025', '2025-01-03'],
    ['March 5, 2024', '2024-03-05'],
    [1_700_000_000, '2023-11-14'],
    ['2024-99-99', undefined],
    ['2 days ago', undefined],
    ['', undefined],
    [1e30, undefined],
    [null, undefined],
    [{}, undefined],
  ])('reads %o as %s', (said, day) => {
    expect(isoDay(said)).toBe(day)
  })
})

describe('an answer', () => {
  const resultOf = ({ name, url }: { readonly [field: string]: unknown }) =>
    searchResult({ title: name, url, snippet: 5, date: 'soon' })

  it('leaves out what cannot be linked to, and makes the rest alike', () => {
    const results = [{ name: 'A', url: 'https://a.test/' }, { name: 'B' }, 'C', null]
    expect(searchResults('acme', { results }, resultOf)).toEqual({
      object: 'search',
      results: [{ title: 'A', url: 'https://a.test/', snippet: '', date: null, last_updated: null }],
    })
  })

  it.each([
    [{ error: 'No credit.' }, 'upstream_error', 'acme: No credit.'],
    [{ detail: { error: 'No credit.' } }, 'upstream_error', 'acme: No credit.'],
    [{}, 'upstream_invalid_response', 'acme: the answer has no results.'],
    [{ results: {} }, 'upstream_invalid_response', 'acme: the answer has no results.'],
    ['text', 'upstream_invalid_response', 'acme: the answer has no results.'],
  ])('that is %o is an error', (answer, kind, message) => {
    expect(() => searchResults('acme', answer, resultOf)).toThrow(expect.objectContaining({ kind, message }))
  })
})
