import {
  type ApiOptions,
  apiOptions,
  type Call,
  compact,
  defineSearch,
  type ErrorKind,
  type FailedReply,
  type Fault,
  GatewayError,
  type Host,
  isJsonObject,
  isoDay,
  type JsonObject,
  requiredSetting,
  type SearchPlugin,
  type SearchQuery,
  type SearchResult,
  type SearchResults,
  searchCountry,
  searchDomains,
  searchExtras,
  searchPeriod,
  searchResult,
  searchWords,
  setting,
  trimSlash,
  type UpstreamReply,
  upstreamError,
} from '@tianjillm/core'
import * as v from 'valibot'

/** DataForSEO: Google's results as they are shown in a country. https://docs.dataforseo.com/v3/serp/google/organic/live/advanced */
export const dataforseo: SearchPlugin<ApiOptions> = defineSearch({
  name: 'dataforseo',
  title: 'DataForSEO',
  docs: 'https://docs.dataforseo.com/v3/serp/google/organic/live/advanced',
  env: ['DATAFORSEO_LOGIN', 'DATAFORSEO_PASSWORD'],
  options: v.object(apiOptions),
  create(options, host) {
    const base = trimSlash(setting(options.apiBase, host, 'DATAFORSEO_API_BASE') ?? 'https://api.dataforseo.com')
    const url = base.endsWith(PATH) ? base : `${base}${PATH}`
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      authorization: `Basic ${base64(credentialsOf(options, host))}`,
    }
    return {
      search: {
        request: (query, call) => ({
          method: 'POST',
          url,
          headers,
          body: JSON.stringify([taskOf(query, call.now())]),
        }),
        response: async (reply, call) => resultsOf(await reply.json(), reply, call),
      },
      fault: ({ body }) => faultIn(body),
    }
  },
})

const PATH = '/v3/serp/google/organic/live/advanced'

/** `login:password`, in one or in two variables. Throws GatewayError `misconfigured`. */
function credentialsOf({ apiKey }: ApiOptions, host: Host): string {
  if (apiKey?.includes(':')) return apiKey
  if (apiKey)
    throw new GatewayError('misconfigured', 'dataforseo: litellm_params.api_key must be "login:password".', {
      provider: 'dataforseo',
    })
  const required = (title: string, variable: string) =>
    requiredSetting('dataforseo', { title, option: 'api_key ("login:password")' }, undefined, host, variable)
  return `${required('login', 'DATAFORSEO_LOGIN')}:${required('password', 'DATAFORSEO_PASSWORD')}`
}

/** Of UTF-8, for a password may have any letter. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

function taskOf(query: SearchQuery, now: number): JsonObject {
  const own = searchExtras(query)
  const says = (prefix: string) => Object.keys(own).some((name) => name.startsWith(prefix))
  return compact({
    keyword: keywordOf(query),
    depth: query.max_results,
    // A place or a language of its own kind (`location_name`) may not stand beside ours.
    location_code: says('location_') ? undefined : locationOf(query),
    language_code: says('language_') ? undefined : languageOf(query.language ?? 'en'),
    search_param: rangeOf(query, now),
    ...own,
  })
}

/** `words (site:a OR site:b) -site:c`; percent and plus signs would be decoded. */
function keywordOf(query: SearchQuery): string {
  const { within, without } = searchDomains(query)
  const sites = within.map((domain) => `site:${domain}`).join(' OR ')
  const phrase = `${searchWords(query)}${sites && ` (${sites})`}${without.map((domain) => ` -site:${domain}`).join('')}`
  return phrase.replaceAll('%', '%25').replaceAll('+', '%2B')
}

/** Google's own parameter for a range of days, with American dates. */
function rangeOf(query: SearchQuery, now: number): string | undefined {
  const { start, end } = searchPeriod(query)
  if (start === undefined && end === undefined) return undefined
  const american = (day = '1970-01-01') => day.replace(/^(\d{4})-(\d\d)-(\d\d)$/, '$2/$3/$1')
  return `&tbs=cdr:1,cd_min:${american(start)},cd_max:${american(end ?? isoDay(now / 1000))}`
}

/** Countries by ISO 3166-1: alpha-2 and numeric. The vendor counts them from 2000. */
const countries: ReadonlyMap<string, number> = new Map(
  `AD20 AE784 AF4 AG28 AL8 AM51 AO24 AR32 AT40 AU36 AZ31 BA70 BB52 BD50 BE56 BF854 BG100 BH48 BI108 BJ204 BN96 BO68 BR76
  BS44 BT64 BW72 BY112 BZ84 CA124 CD180 CF140 CG178 CH756 CI384 CK184 CL152 CM120 CN156 CO170 CR188 CV132 CY196 CZ203
  DE276 DJ262 DK208 DM212 DO214 DZ12 EC218 EE233 EG818 ER232 ES724 ET231 FI246 FJ242 FM583 FR250 GA266 GB826 GD308 GE268
  GH288 GM270 GN324 GQ226 GR300 GT320 GW624 GY328 HK344 HN340 HR191 HT332 HU348 ID360 IE372 IL376 IN356 IQ368 IS352 IT380
  JM388 JO400 JP392 KE404 KG417 KH116 KI296 KM174 KN659 KR410 KW414 KZ398 LA418 LB422 LC662 LI438 LK144 LR430 LS426 LT440
  LU442 LV428 LY434 MA504 MC492 MD498 ME499 MG450 MH584 MK807 ML466 MM104 MN496 MO446 MR478 MT470 MU480 MV462 MW454 MX484
  MY458 MZ508 NA516 NE562 NG566 NI558 NL528 NO578 NP524 NR520 NZ554 OM512 PA591 PE604 PG598 PH608 PK586 PL616 PR630 PT620
  PW585 PY600 QA634 RO642 RS688 RU643 RW646 SA682 SB90 SC690 SE752 SG702 SI705 SK703 SL694 SM674 SN686 SO706 SR740 SS728
  ST678 SV222 SZ748 TD148 TG768 TH764 TJ762 TL626 TM795 TN788 TO776 TR792 TT780 TV798 TW158 TZ834 UA804 UG800 US840 UY858
  UZ860 VA336 VC670 VE862 VN704 VU548 WS882 YE887 ZA710 ZM894 ZW716`
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

/** The country asked for, else that of the language, else the USA. https://docs.dataforseo.com/v3/serp/google/locations */
function locationOf(query: SearchQuery): number {
  const number = countries.get(searchCountry(query) ?? 'US')
  if (number === undefined && query.country) throw notKnown('country', query.country, 'location_name')
  return 2000 + (number ?? 840)
}

/** Languages by ISO 639-1. https://docs.dataforseo.com/v3/serp/google/languages */
const languages = new Set(
  `af ak am ar az be bg bn bs ca ceb cs cy da de el en eo es et eu fa fi fr fy ga gl gu ha haw he hi hr ht hu hy id ig is
  it ja jw ka kk km kn ko ku ky la ln lo lt lv mg mi mk ml mn mr ms mt my nb ne nl ny pa pl ps pt ro ru rw sd si sk sl sn
  so sq sr st su sv sw ta te tg th ti tk tl tn tr tt ug uk ur uz vi wo xh yo zh-CN zh-TW zu`.split(/\s+/),
)

/** Languages that are named in another way; all others go by their first part. */
const otherNames: Readonly<Record<string, string>> = {
  fil: 'tl',
  iw: 'he',
  jv: 'jw',
  nn: 'nb',
  no: 'nb',
  zh: 'zh-CN',
  'zh-hant': 'zh-TW',
  'zh-hk': 'zh-TW',
  'zh-mo': 'zh-TW',
  'zh-tw': 'zh-TW',
}

function languageOf(language: string): string {
  const [first = '', second] = language.toLowerCase().split(/[-_]/)
  const name = otherNames[`${first}-${second}`] ?? otherNames[first] ?? first
  if (!languages.has(name)) throw notKnown('language', language, 'language_name')
  return name
}

function notKnown(param: string, value: string, remedy: string): GatewayError {
  const message = `dataforseo: the ${param} "${value.slice(0, 35)}" is not known. Name it by the vendor's own ${remedy}.`
  return new GatewayError('unsupported_parameter', message, { param, provider: 'dataforseo' })
}

const OK = 20000
const NO_RESULTS = 40102

/** Nearly all failures come with the status 200, for the whole request or for its task. */
function resultsOf(answer: unknown, { status, headers }: UpstreamReply, call: Call): SearchResults {
  const [task]: readonly unknown[] = isJsonObject(answer) && Array.isArray(answer.tasks) ? answer.tasks : []
  const code = codeOf(task) ?? codeOf(answer)
  if (code === NO_RESULTS) return { object: 'search', results: [] }
  const fault = faultIn(answer) ?? faultIn(task)
  if (fault !== undefined) {
    const reply: FailedReply = { status, headers, body: undefined }
    throw upstreamError('dataforseo', reply, fault, call.now())
  }
  if (!isJsonObject(task) || code !== OK)
    throw new GatewayError('upstream_invalid_response', 'dataforseo: the answer has no task.', {
      provider: 'dataforseo',
    })
  const [page]: readonly unknown[] = Array.isArray(task.result) ? task.result : []
  const items: readonly unknown[] = isJsonObject(page) && Array.isArray(page.items) ? page.items : []
  return { object: 'search', results: items.filter(isOrganic).map(resultOf) }
}

function isOrganic(item: unknown): item is JsonObject {
  return isJsonObject(item) && item.type === 'organic' && typeof item.url === 'string'
}

function resultOf({ title, url, description, timestamp }: JsonObject): SearchResult {
  return searchResult({ title, url, snippet: description, date: timestamp })
}

function codeOf(body: unknown): number | undefined {
  return isJsonObject(body) && typeof body.status_code === 'number' ? body.status_code : undefined
}

/** Codes that mean something else than their beginning says. https://docs.dataforseo.com/v3/appendix/errors */
const kinds: Readonly<Record<number, ErrorKind>> = {
  40101: 'upstream_error',
  40103: 'upstream_error',
  40202: 'rate_limited',
  40204: 'upstream_auth_failed',
  40207: 'upstream_auth_failed',
  40209: 'rate_limited',
}

const kindsByBeginning: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid_request',
  401: 'upstream_auth_failed',
  402: 'quota_exceeded',
  403: 'upstream_auth_failed',
  405: 'invalid_request',
}

/** What is wrong, when a body says that something is. */
function faultIn(body: unknown): Fault | undefined {
  const code = codeOf(body)
  if (!isJsonObject(body) || code === undefined || (code >= OK && code < 30000)) return undefined
  const kind = kinds[code] ?? kindsByBeginning[Math.floor(code / 100)] ?? 'upstream_error'
  return { kind, message: String(body.status_message ?? `the vendor answered ${code}`) }
}
