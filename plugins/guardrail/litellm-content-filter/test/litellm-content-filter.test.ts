import { type JsonObject, registered, type Verdict } from '@tianjillm/core'
import { createGuardrail, createHost, LiveCall } from '@tianjillm/engine'
import { guarded, guardrailContract, stubLog } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { litellmContentFilter } from '../src/index.ts'

const log = stubLog()
const host = createHost({ env: () => undefined, log })
const create = (options: JsonObject) => createGuardrail(litellmContentFilter, options, host)
const check = (options: JsonObject, ...texts: readonly string[]) =>
  create(options).check(guarded({ texts }), new LiveCall(host, { id: 'c', operation: 'chat', model: 'm' })) as Verdict
const prebuilt = (name: string, action = 'MASK') => ({ pattern_type: 'prebuilt', pattern_name: name, action })
const rewritten = (...texts: readonly string[]): Verdict => ({ action: 'rewrite', texts })
const pass: Verdict = { action: 'pass' }

guardrailContract(litellmContentFilter, {
  options: {},
  isLocal: true,
  wrongOptions: { options: { patterns: [prebuilt('emial')] }, path: 'patterns.0.pattern_name' },
  cases: [
    {
      title: 'passes what it finds nothing in',
      text: { texts: ['hello', ''] },
      options: { patterns: [prebuilt('email', 'BLOCK')], blockedWords: [{ keyword: 'falcon' }] },
      verdict: pass,
    },
    {
      title: 'passes everything when nothing is configured',
      text: { texts: ['ssn 123-45-6789'] },
      verdict: pass,
    },
    {
      title: 'masks patterns in all texts',
      text: { texts: ['ssn 123-45-6789', 'hello', 'a@x.test or b@x.test'] },
      options: { patterns: [prebuilt('us_ssn'), prebuilt('email', 'mask')] },
      verdict: rewritten('ssn [US_SSN_REDACTED]', 'hello', '[EMAIL_REDACTED] or [EMAIL_REDACTED]'),
    },
    {
      title: 'blocks a pattern',
      text: { texts: ['hello', 'ssn 123-45-6789'] },
      options: { patterns: [prebuilt('us_ssn', 'BLOCK')] },
      verdict: {
        action: 'block',
        reason: 'Content blocked: us_ssn pattern detected',
        details: { pattern: 'us_ssn' },
      },
    },
    {
      title: 'blocks an own pattern by its name, in any case',
      text: { texts: ['ticket emp-1234'] },
      options: { patterns: [{ pattern_type: 'regex', pattern: 'EMP-\\d{4}', name: 'employee', action: 'BLOCK' }] },
      verdict: {
        action: 'block',
        reason: 'Content blocked: employee pattern detected',
        details: { pattern: 'employee' },
      },
    },
    {
      title: 'masks as configured',
      text: { texts: ['project Falcon, emp-1'] },
      options: {
        patterns: [{ pattern_type: 'regex', pattern: 'emp-\\d', action: 'MASK' }],
        blockedWords: [{ keyword: 'falcon', action: 'MASK' }],
        patternRedactionFormat: '<$& {pattern_name}>',
        keywordRedactionTag: '***',
      },
      verdict: rewritten('project ***, <$& CUSTOM_REGEX>'),
    },
    {
      title: 'blocks a word with its description',
      text: { texts: ['tell me about Falcon'] },
      options: {
        blockedWords: [
          { keyword: 'tell', action: 'MASK' },
          { keyword: 'falcon', action: 'BLOCK', description: 'secret project' },
        ],
      },
      verdict: {
        action: 'block',
        reason: "Content blocked: keyword 'falcon' detected (secret project)",
        details: { keyword: 'falcon', description: 'secret project' },
      },
    },
    {
      title: 'blocks a word without a description',
      text: { texts: ['price (net) is c++'] },
      options: { blockedWords: [{ keyword: 'c++' }] },
      verdict: {
        action: 'block',
        reason: "Content blocked: keyword 'c++' detected",
        details: { keyword: 'c++', description: null },
      },
    },
    {
      title: 'blocks a category',
      text: { texts: ['I want to DIE'] },
      options: { categories: [{ category: 'harmful_self_harm', action: 'BLOCK' }] },
      verdict: {
        action: 'block',
        reason: "Content blocked: harmful_self_harm category keyword 'want to die' detected (severity: high)",
        details: { category: 'harmful_self_harm', keyword: 'want to die', severity: 'high' },
      },
    },
    {
      title: 'masks a category',
      text: { texts: ['I feel suicidal today'] },
      options: { categories: [{ category: 'harmful_self_harm', action: 'MASK' }] },
      verdict: rewritten('I feel [KEYWORD_REDACTED] today'),
    },
    {
      title: 'looks for categories first, then patterns, then words',
      text: { texts: ['falcon 123-45-6789 suicidal'] },
      options: {
        blockedWords: [{ keyword: 'falcon' }],
        patterns: [prebuilt('us_ssn', 'BLOCK')],
        categories: [{ category: 'harmful_self_harm' }],
      },
      verdict: { action: 'block', details: { category: 'harmful_self_harm' } } as unknown as Verdict,
    },
    {
      title: 'looks for patterns before words',
      text: { texts: ['falcon 123-45-6789'] },
      options: { blockedWords: [{ keyword: 'falcon' }], patterns: [prebuilt('us_ssn', 'BLOCK')] },
      verdict: { action: 'block', details: { pattern: 'us_ssn' } } as unknown as Verdict,
    },
  ],
})

describe('words', () => {
  it.each([
    ['whole words alone', 'cat', 'concatenate the cats', pass],
    ['words beside punctuation', 'cat', '(cat), Cat-like', rewritten('(#), #-like')],
    ['words of other alphabets', 'кот', 'Кот и котлета', rewritten('# и котлета')],
    ['words in text without spaces', '违禁', '这是违禁品', rewritten('这是#品')],
    ['phrases with any white space', 'build a bomb', 'Build  a\nbombs', rewritten('#s')],
    ['phrases from the start of a word', 'man up', 'the woman upset', pass],
    ['signs as they are', 'a.b', 'axb a.b', rewritten('axb #')],
  ])('finds %s', (_, keyword, text, verdict) => {
    expect(check({ blockedWords: [{ keyword, action: 'MASK' }], keywordRedactionTag: '#' }, text)).toEqual(verdict)
  })
})

describe('categories', () => {
  const text = 'suicide, suicidal: I want to die'
  const own = {
    category: 'rivals',
    keywords: [{ keyword: 'acme', severity: 'high' }, { keyword: 'try acme' }, { keyword: 'globex', severity: 'low' }],
    exceptions: ['acme street'],
    action: 'MASK',
  }

  it.each([
    ['high', 'suicide, suicidal: I #'],
    ['medium', 'suicide, #: I #'],
    ['low', '#, #: I #'],
  ])('finds what is %s or worse', (severity_threshold, masked) => {
    const categories = [{ category: 'harmful_self_harm', action: 'MASK', severity_threshold }]
    expect(check({ categories, keywordRedactionTag: '#' }, text)).toEqual(rewritten(masked))
  })

  it('leaves texts with an exception alone, and others not', () => {
    const texts = [`${text}. Is there a suicide hotline?`, 'suicidal']
    const categories = [{ category: 'harmful_self_harm', action: 'MASK' }]
    expect(check({ categories, keywordRedactionTag: '#' }, ...texts)).toEqual(rewritten(texts[0]!, '#'))
  })

  it('does nothing when disabled', () => {
    expect(check({ categories: [{ category: 'harmful_self_harm', enabled: false }] }, text)).toEqual(pass)
  })

  it('takes own keywords and exceptions', () => {
    expect(check({ categories: [own] }, 'Acme and Globex')).toEqual(rewritten('[KEYWORD_REDACTED] and Globex'))
    expect(check({ categories: [own] }, 'at 5 Acme Street')).toEqual(pass)
  })

  it.each([
    ['harmful_violence', 'how to kill someone'],
    ['harmful_illegal_weapons', 'make a bomb'],
    ['bias_gender', 'women are too emotional'],
    ['bias_sexual_orientation', 'gay agenda'],
    ['bias_racial', 'master race'],
    ['bias_religious', 'false religion'],
    ['denied_financial_advice', 'Should I invest in gold?'],
    ['denied_medical_advice', 'what dose should I take'],
    ['denied_legal_advice', 'can I sue them'],
  ])('knows %s', (category, text) => {
    expect(check({ categories: [{ category }] }, text)).toMatchObject({ action: 'block', details: { category } })
  })
})

describe('own patterns', () => {
  const own = (pattern: string) => ({ patterns: [{ pattern_type: 'regex', pattern, name: 'x', action: 'MASK' }] })

  it.each([
    ["Python's (?i)", '(?i)emp', 'EMP'],
    ['needless escapes', 'a\\-b', 'a-b'],
    ['bounded repetitions', '(?:\\d{4}-?){2}(?:[a+]){1,}', '1234-5678a'],
    ['Unicode classes', '\\p{Lu}\\d', 'É1'],
  ])('understands %s', (_, pattern, text) => {
    expect(check(own(pattern), `>${text}<`)).toEqual(rewritten('>[X_REDACTED]<'))
  })

  it('ignores empty matches', () => {
    expect(check(own('z*'), 'abc')).toEqual(pass)
  })

  it.each([
    ['a broken one', own('('), 'option patterns.0.pattern: is not a regular expression'],
    ['one that may take without end', own('^(a+)+$'), 'option patterns.0.pattern: repeats a repetition'],
    ['one that hides it', own('(?:x(?:[)(]|b*)c)*'), 'option patterns.0.pattern: repeats a repetition'],
    ['one that is too long', own('a'.repeat(1001)), 'option patterns.0.pattern: Invalid length'],
    ['an unknown category', { categories: [{ category: 'rude' }] }, 'option categories.0.category: has no keywords'],
    [
      'a file of words',
      { blockedWordsFile: '/words.yaml' },
      'option blockedWordsFile: files are not read: write the content into blocked_words',
    ],
    [
      'a file of a category',
      { categories: [{ category: 'own', category_file: '/own.yaml' }] },
      'option categories.0.category_file: files are not read: write the content into keywords and exceptions',
    ],
  ])('refuses %s', (_, options, message) => {
    expect(() => create(options)).toThrow(message)
  })

  it('finds every match of a long text once, wherever the text is cut', () => {
    for (const shift of [0, 1, 7, 1999, 9990, 9999]) {
      const text = `${'-'.repeat(shift)}${'emp-12345 '.repeat(5000)}`
      expect(check(own('emp-\\d{5}'), text)).toEqual(rewritten(text.replaceAll('emp-12345', '[X_REDACTED]')))
    }
  })

  it('sees no border of a text where it was cut', () => {
    expect(check(own('^a|a$|\\ba'), 'a'.repeat(30_000))).toEqual(
      rewritten(`[X_REDACTED]${'a'.repeat(29_998)}[X_REDACTED]`),
    )
  })
})

describe('prebuilt patterns', () => {
  const base64 = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
  const samples: Readonly<Record<string, readonly [found: readonly string[], ignored: readonly string[]]>> = {
    us_ssn: [
      ['123-45-6789', '987-65-4321'],
      ['1234-45-6789', '123-45-67890', '12-3456789'],
    ],
    us_ssn_no_dash: [['123456789'], ['000456789', '1234567890']],
    email: [
      ['jane.doe+x@mail.example.co', 'A@B.IO'],
      ['a@b', '@example.com'],
    ],
    us_phone: [
      ['212-555-0101', '(212) 555-0101', '+1 212.555.0101', '2125550101'],
      ['12-555-0101', '99912125550101'],
    ],
    phone: [['212-555-0101'], ['555-0101']],
    visa: [
      ['4111111111111111', '4111 1111 1111 1111', '4111-1111-1111-1111'],
      ['4111111111111112', '41111111111111110'],
    ],
    mastercard: [['5555555555554444', '2223 0031 2200 3222'], ['5655555555554444']],
    amex: [['378282246310005', '3782 822463 10005'], ['378282246310006']],
    discover: [['6011111111111117'], ['6012111111111117']],
    credit_card: [
      ['4111111111111111', '5555555555554444', '378282246310005', '6011111111111117'],
      ['1234567812345670'],
    ],
    aws_access_key: [['AKIAIOSFODNN7EXAMPLE'], ['AKIAIOSFODNN7', 'akiaiosfodnn7example']],
    aws_secret_key: [[base64], [`${base64}A`, 'da39a3ee5e6b4b0d3255bfef95601890afd80709']],
    github_token: [[`ghp_${'a1'.repeat(18)}`, `github_pat_${'a1_'.repeat(10)}`], ['ghp_short']],
    slack_token: [['xoxb-1234567890-abc'], ['xoxz-1234567890-abc']],
    generic_api_key: [
      ['api_key = "abcdef1234567890', 'access-token:abcdef1234567890', `sk-${'a1'.repeat(10)}`],
      ['api_key = short', `ask-${'a1'.repeat(10)}`],
    ],
    ipv4: [
      ['192.168.0.1', '255.255.255.255'],
      ['256.1.1.1', '1.2.3.4.5', '1.2.3'],
    ],
    ipv6: [
      ['2001:db8::8a2e:370:7334', '::1', 'fe80::1', '1:2:3:4:5:6:7:8', '2001:db8::'],
      ['std::cout', '10:30', '::'],
    ],
    url: [
      ['https://x.test/a?b=1#c', 'ftp://x.test'],
      ['x.test', 'https:// x'],
    ],
    passport_us: [['123456789', 'A12345678'], ['12345678']],
    passport_uk: [['123456789'], ['12345678']],
    passport_germany: [['C01X00T47'], ['CHKLMNPRT', 'A01X00T47']],
    passport_france: [['12AB34567'], ['12A345678']],
    passport_netherlands: [['XN0012AB7'], ['XO0012AB7']],
    passport_canada: [['AB123456', 'P123456AA'], ['A123456']],
    passport_india: [['J8369854', 'J83 69854'], ['Q8369854']],
    passport_australia: [['N1234567', 'PA1234567'], ['1234567']],
    passport_china: [['E12345678', 'EA1234567'], ['F12345678']],
    passport_japan: [['TK1234567'], ['T1234567']],
    gender_sexual_orientation: [['transgender'], ['gayly']],
    race_ethnicity_national_origin: [['National  Origin'], ['racer']],
    religion: [['Buddhist'], ['mosquelike']],
    age_discrimination: [['over the hill'], ['older']],
    disability: [['wheelchair'], ['blindly']],
    marital_family_status: [['maternity leave'], ['marry']],
    military_status: [['veteran'], ['military']],
    public_assistance: [['food stamps'], ['stamps']],
    weapons_firearms: [['ghost gun'], ['gun']],
    weapons_other: [['brass knuckles'], ['knuckles']],
    explosives: [['TNT'], ['bombastic']],
  }
  const names = Object.keys(samples)

  it.each(names)('%s finds what it should and no more', (name) => {
    const [found, ignored] = samples[name]!
    const options = { patterns: [prebuilt(name)], patternRedactionFormat: '#' }
    for (const text of found) expect(check(options, `(${text}) `), text).toEqual(rewritten('(#) '))
    for (const text of ignored) expect(check(options, `(${text}) `), text).toEqual(pass)
  })

  it('are all tried here', () => {
    expect(() => create({ patterns: [prebuilt('nope')] })).toThrow(
      `Expected (${names.map((name) => `"${name}"`).join(' | ')}) but received a string`,
    )
  })

  const junk = [
    ...['a', '1', '-', '.', ':', '@', ' ', '/', '_', 'A1', 'a.', 'a@', '1.', '1:', '::', 'a-', '4111 ', '(212) '],
    ...['http://', 'api_key=', 'sk-', 'ghp_', 'xoxb-', 'AKIA', 'a@a.', 'build a ', 'aA1/', '12345678'],
  ]
  it.each(names)('%s is quick on any junk', (name) => {
    const guardrail = { patterns: [prebuilt(name)] }
    const start = performance.now()
    for (const piece of junk) check(guardrail, piece.repeat(Math.ceil(100_000 / piece.length)))
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

it('says that images are not looked at', () => {
  create({ imageModel: 'gpt-4o' })
  expect(log.lines).toContain(
    'warn: litellm_content_filter: image_model is not used; what images show is not looked at.',
  )
})

it('registers itself', () => {
  expect(registered('guardrail', 'litellm_content_filter')).toBe(litellmContentFilter)
})
