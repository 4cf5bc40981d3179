import { defineGuardrail, type GuardedText, type GuardrailPlugin, type JsonObject, type Verdict } from '@tianjillm/core'
import * as v from 'valibot'

/** Words lie between characters that are none of these. */
const LETTER = String.raw`[\p{L}\p{N}_]`
/** Scripts that put no spaces between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u

const words = (text: string): readonly string[] => text.split(',').map((word) => word.trim())

/** Keywords as one expression, in any case: single words are whole, phrases begin with a word, CJK is anywhere. */
function anyOf(keywords: readonly string[]): RegExp {
  const alternatives = keywords.map((keyword) => {
    const literal = keyword.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replace(/\s+/g, String.raw`\s+`)
    if (UNSPACED.test(keyword)) return literal
    return `(?<!${LETTER})${literal}${/\s/.test(keyword) ? '' : `(?!${LETTER})`}`
  })
  return new RegExp(alternatives.join('|'), 'giu')
}

const cardNumbers = {
  visa: String.raw`4\d{3}(?:[ -]?\d{4}){3}`,
  mastercard: String.raw`(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)(?:[ -]?\d{4}){3}`,
  amex: String.raw`3[47]\d\d[ -]?\d{6}[ -]?\d{5}`,
  discover: String.raw`(?:6011|64[4-9]\d|65\d\d)(?:[ -]?\d{4}){3}`,
}

const cards = Object.fromEntries(
  [...Object.entries(cardNumbers), ['credit_card', Object.values(cardNumbers).join('|')] as const].map(
    ([name, number]) => [name, new RegExp(`(?<!\\d)(?:${number})(?!\\d)`, 'g')],
  ),
)

const wordLists = {
  gender_sexual_orientation: `gender identity, sexual orientation, transgender, cisgender, nonbinary, non-binary,
    genderqueer, gay, lesbian, bisexual, homosexual, heterosexual, asexual, pansexual, queer`,
  race_ethnicity_national_origin: `race, racial, ethnicity, ethnic background, skin color, skin colour, national origin,
    country of origin, nationality, ancestry, immigrant, African American, Asian American, Native American, Hispanic, Latino`,
  religion: `religion, religious, religious belief, Christian, Catholic, Protestant, Muslim, Islamic, Jewish, Hindu,
    Buddhist, Sikh, atheist, agnostic, church member, mosque, synagogue`,
  age_discrimination: `too old, too young, over the hill, young and energetic, recent graduates only, digital native,
    elderly, senior citizen, older worker, older applicant, near retirement, age limit, maximum age`,
  disability: `disability, disabilities, disabled, handicapped, wheelchair, blind, deaf, mental illness, mental disorder,
    impairment, impaired, special needs, autistic, reasonable accommodation`,
  marital_family_status: `marital status, married, unmarried, divorced, widowed, single parent, single mother,
    single father, pregnant, pregnancy, planning a family, maternity leave, no children, childless`,
  military_status: `military status, military service, veteran, veterans, active duty, reservist, national guard,
    armed forces, dishonorable discharge, enlisted`,
  public_assistance: `public assistance, food stamps, housing voucher, section 8, welfare, welfare recipient, on benefits,
    unemployment benefits, disability benefits, Medicaid, income support, housing benefit`,
  weapons_firearms: `firearm, firearms, handgun, pistol, revolver, rifle, assault rifle, shotgun, machine gun,
    submachine gun, ammunition, silencer, ghost gun, semi-automatic, high-capacity magazine`,
  weapons_other: `switchblade, combat knife, machete, dagger, brass knuckles, crossbow, stun gun, taser, pepper spray,
    nunchaku, throwing star, nerve agent, chemical weapon, biological weapon`,
  explosives: `explosive, explosives, bomb, pipe bomb, nail bomb, car bomb, dynamite, TNT, C4, semtex, detonator,
    blasting cap, hand grenade, landmine, Molotov cocktail, improvised explosive device`,
}

const phone = /(?<!\d)(?:\+?1[-. ]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-. ]?)[2-9]\d\d[-. ]?\d{4}(?!\d)/g

/** What `patterns` knows by name. Every quantifier has a bound, so that no text makes a match slow. */
const prebuilt: Readonly<Record<string, RegExp>> = {
  us_ssn: /(?<!\d)(?<!\d-)\d{3}-\d\d-\d{4}(?!-?\d)/g,
  us_ssn_no_dash: /(?<!\d)(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}(?!\d)/g,
  email: /[\w.%+-]{1,64}@(?:[a-z\d-]{1,63}\.){1,8}[a-z]{2,24}/gi,
  us_phone: phone,
  phone,
  ...cards,
  aws_access_key: /(?<![A-Z\d])(?:AKIA|ASIA|ABIA|ACCA)[A-Z\d]{16}(?![A-Z\d])/g,
  aws_secret_key:
    /(?<![\w/+=])(?=[a-z\d/+]{0,39}[A-Z])(?=[A-Z\d/+]{0,39}[a-z])(?=[A-Za-z/+]{0,39}\d)[A-Za-z\d/+]{40}(?![\w/+=])/g,
  github_token: /gh[pousr]_[a-z\d]{36,255}|github_pat_\w{22,255}/gi,
  slack_token: /x(?:ox[abeoprs]|app)-[a-z\d-]{10,250}/gi,
  generic_api_key:
    /(?:api|access|secret|auth)[_-]?(?:key|token)["']?\s{0,9}[:=]\s{0,9}["']?[\w-]{16,200}|(?<![\w-])sk-[\w-]{20,200}/gi,
  ipv4: /(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\d)/g,
  ipv6: /(?<![\w:])(?=[a-f:]{0,39}\d)(?:(?:[\da-f]{1,4}:){7}[\da-f]{1,4}|(?:[\da-f]{1,4}:){1,7}(?::[\da-f]{1,4}){1,7}|(?:[\da-f]{1,4}:){1,7}:|:(?::[\da-f]{1,4}){1,7})(?:\.\d{1,3}){0,3}(?![\w:])/gi,
  url: /(?:https?|ftp):\/\/[^\s<>"'`{}|\\^]{0,2000}[^\s<>"'`{}|\\^.,;:!?)\]]/gi,
  passport_us: /\b(?:[A-Z]\d{8}|\d{9})\b/gi,
  passport_uk: /\b\d{9}\b/g,
  passport_germany: /\b(?=[A-Z]{1,8}\d)[CFGHJK][CFGHJKLMNPRTVWXYZ\d]{8}\b/gi,
  passport_france: /\b\d\d[A-Z]{2}\d{5}\b/gi,
  passport_netherlands: /\b[A-NP-Z]{2}[A-NP-Z\d]{6}\d\b/gi,
  passport_canada: /\b(?:[A-Z]{2}\d{6}|[A-Z]\d{6}[A-Z]{2})\b/gi,
  passport_india: /\b[A-PR-WY][1-9]\d ?\d{4}[1-9]\b/gi,
  passport_australia: /\b[A-Z]{1,2}\d{7}\b/gi,
  passport_china: /\b(?:[DEGHKMPS]\d{8}|E[A-HJ-NP-Z]\d{7})\b/gi,
  passport_japan: /\b[A-Z]{2}\d{7}\b/gi,
  ...Object.fromEntries(Object.entries(wordLists).map(([name, list]) => [name, anyOf(words(list))])),
}

type Severity = 'high' | 'medium' | 'low'
const severities: readonly Severity[] = ['high', 'medium', 'low']

interface Category {
  readonly keywords: readonly { readonly keyword: string; readonly severity: Severity }[]
  /** Phrases that, anywhere in a text, say that its keywords are not meant. */
  readonly exceptions: readonly string[]
}

/** Keywords of high, medium and low severity, then exceptions. */
function category(high: string, medium: string, low: string, exceptions: string): Category {
  const keywords = [high, medium, low].flatMap((list, index) =>
    words(list).map((keyword) => ({ keyword, severity: severities[index]! })),
  )
  return { keywords, exceptions: words(exceptions) }
}

/** What `categories` knows by name. */
const prebuiltCategories: Readonly<Record<string, Category>> = {
  harmful_self_harm: category(
    'kill myself, end my life, take my own life, how to commit suicide, painless way to die, want to die',
    'suicide method, suicidal, cut myself, hurt myself, hang myself, overdose on, self-harm',
    'suicide, no reason to live',
    'suicide prevention, suicide hotline, crisis line, suicide awareness, helping a friend',
  ),
  harmful_violence: category(
    'how to kill someone, plan a murder, get away with murder, how to poison someone, carry out an attack',
    'kill him, kill her, kill them, murder someone, torture someone, beat someone up, stab someone',
    'massacre, bloodbath, behead',
    'crime novel, murder mystery, video game, history of, news report, true crime',
  ),
  harmful_illegal_weapons: category(
    'build a bomb, make a bomb, make explosives, build a ghost gun, make nerve gas, buy an illegal gun',
    'untraceable gun, 3d printed gun, illegal silencer, convert to full auto, pipe bomb, homemade explosive',
    'black market weapons, file off the serial number',
    'bomb disposal, defused, museum, history of, video game',
  ),
  bias_gender: category(
    'women are inferior, men are inferior, women belong in the kitchen, women cannot lead, men cannot be trusted',
    'women are too emotional, a job for a man, not a job for a woman, men are all the same, women drivers',
    'like a girl, man up, boys will be boys',
    'gender equality, gender bias, stereotype, sexism',
  ),
  bias_sexual_orientation: category(
    'gay people are sick, homosexuality is a disease, cure homosexuality, gay people should be punished',
    'conversion therapy works, gay agenda, unnatural to be gay, turn children gay, no real family without',
    'that is so gay, lifestyle choice',
    'equal rights, homophobia, discrimination against, conversion therapy ban',
  ),
  bias_racial: category(
    'racially inferior, inferior race, superior race, master race, racial purity, racial cleansing',
    'race traitor, go back to your country, people like them are criminals, great replacement, race mixing is',
    'the wrong colour, the wrong color, you people',
    'racism, civil rights, history of, discrimination against',
  ),
  bias_religious: category(
    'infidels must die, unbelievers must die, believers are terrorists, ban their religion, burn their temples',
    'religious people are stupid, atheists have no morals, religious conspiracy, false religion, heathens are',
    'religious nut, sky daddy',
    'religious freedom, antisemitism, islamophobia, interfaith, discrimination against',
  ),
  denied_financial_advice: category(
    'which stock should i buy, should i invest in, what should i invest in, guaranteed return, insider tip',
    'should i buy stocks, should i sell my stocks, best investment, pick stocks for me, manage my portfolio',
    'stock tip, crypto tip, retirement planning, get rich',
    'definition of, what is a stock, financial literacy',
  ),
  denied_medical_advice: category(
    'what dose should i take, diagnose me, should i stop taking my medication, prescribe me, how much insulin',
    'do i have cancer, what medication should i take, is this rash, treat my symptoms, should i see a doctor',
    'side effects of, home remedy for',
    'medical school, medical history of, for my novel, veterinary',
  ),
  denied_legal_advice: category(
    'should i sue, represent me in court, will i go to jail, should i plead guilty, write my legal defense',
    'can i sue, is it legal for me to, do i need a lawyer, how do i contest, draft my will',
    'legal loophole, my legal rights',
    'law school, legal history, definition of, for my novel',
  ),
}

const LONGEST_PATTERN = 1000

const text = v.pipe(v.string(), v.trim(), v.nonEmpty('must not be empty'))
const severity = v.picklist(severities)
const action = v.optional(v.pipe(v.string(), v.toUpperCase(), v.picklist(['BLOCK', 'MASK'])), 'BLOCK')
const noFile = (where: string) => v.optional(v.never(`files are not read: write the content into ${where}`))

const options = v.object({
  patterns: v.optional(
    v.array(
      v.variant('pattern_type', [
        v.object({ pattern_type: v.literal('prebuilt'), pattern_name: v.picklist(Object.keys(prebuilt)), action }),
        v.object({
          pattern_type: v.literal('regex'),
          pattern: v.pipe(
            v.string(),
            v.nonEmpty(),
            v.maxLength(LONGEST_PATTERN),
            v.check((pattern) => compile(pattern) !== undefined, 'is not a regular expression'),
            v.check((pattern) => !repeatsRepetition(pattern), 'repeats a repetition, which may take without end'),
          ),
          name: v.optional(text, 'custom_regex'),
          action,
        }),
      ]),
    ),
    [],
  ),
  blockedWords: v.optional(v.array(v.object({ keyword: text, action, description: v.nullish(v.string()) })), []),
  blockedWordsFile: noFile('blocked_words'),
  categories: v.optional(
    v.array(
      v.pipe(
        v.object({
          category: text,
          enabled: v.optional(v.boolean(), true),
          action,
          severity_threshold: v.optional(severity, 'medium'),
          keywords: v.optional(v.array(v.object({ keyword: text, severity: v.optional(severity, 'medium') }))),
          exceptions: v.optional(v.array(text)),
          category_file: noFile('keywords and exceptions of the category'),
        }),
        v.forward(
          v.check(
            ({ category, keywords }) => keywords !== undefined || Object.hasOwn(prebuiltCategories, category),
            `has no keywords, and is none of ${Object.keys(prebuiltCategories).join(', ')}`,
          ),
          ['category'],
        ),
      ),
    ),
    [],
  ),
  patternRedactionFormat: v.optional(v.string(), '[{pattern_name}_REDACTED]'),
  keywordRedactionTag: v.optional(v.string(), '[KEYWORD_REDACTED]'),
  imageModel: v.optional(v.string()),
})

type Options = v.InferOutput<typeof options>

/**
 * Finds patterns and keywords, and masks them or blocks the text. It asks nobody.
 * https://docs.litellm.ai/docs/proxy/guardrails/litellm_content_filter
 */
export const litellmContentFilter: GuardrailPlugin = defineGuardrail({
  name: 'litellm_content_filter',
  title: 'Content filter',
  docs: 'https://docs.litellm.ai/docs/proxy/guardrails/litellm_content_filter',
  options,
  create(options, host) {
    if (options.imageModel)
      host.log.warn('litellm_content_filter: image_model is not used; what images show is not looked at.')
    const rules = [...categoryRules(options), ...patternRules(options), ...wordRules(options)]
    return {
      hooks: [
        ...(['pre_call', 'during_call', 'post_call', 'logging_only'] as const),
        ...(['pre_mcp_call', 'during_mcp_call', 'post_mcp_call'] as const),
      ],
      check: (text) => judge(rules, text),
    }
  },
})

/** One thing that is looked for. */
interface Rule {
  /** With the flag `g`. */
  readonly regex: RegExp
  /** Whether a match is more than a likeness. Default: always. */
  readonly isMeant?: ((match: string) => boolean) | undefined
  /** What, anywhere in a text, says that the rule does not hold for it. */
  readonly exception?: RegExp | undefined
  readonly action: 'BLOCK' | 'MASK'
  readonly mask: string
  tell(match: string): Finding
}

/** What the client is told of a match that blocks. */
interface Finding {
  readonly reason: string
  readonly details: JsonObject
}

function categoryRules({ categories, keywordRedactionTag: mask }: Options): readonly Rule[] {
  return categories.flatMap(({ category, enabled, action, severity_threshold, ...own }) => {
    const { keywords = [], exceptions = [] } = { ...prebuiltCategories[category], ...own }
    const limit = enabled ? severities.indexOf(severity_threshold) : -1
    const chosen = keywords.filter(({ severity }) => severities.indexOf(severity) <= limit)
    const exception = exceptions.length > 0 ? anyOf(exceptions) : undefined
    return keywordRules(chosen, { action, mask, exception }, ({ keyword, severity }) => ({
      reason: `Content blocked: ${category} category keyword '${keyword}' detected (severity: ${severity})`,
      details: { category, keyword, severity },
    }))
  })
}

function patternRules({ patterns, patternRedactionFormat }: Options): readonly Rule[] {
  return patterns.map((pattern) => {
    const isPrebuilt = pattern.pattern_type === 'prebuilt'
    const name = isPrebuilt ? pattern.pattern_name : pattern.name
    return {
      regex: isPrebuilt ? prebuilt[name]! : compile(pattern.pattern)!,
      isMeant: isPrebuilt && name in cards ? hasCheckDigit : undefined,
      action: pattern.action,
      mask: patternRedactionFormat.replaceAll('{pattern_name}', () => name.toUpperCase()),
      tell: () => ({ reason: `Content blocked: ${name} pattern detected`, details: { pattern: name } }),
    }
  })
}

function wordRules({ blockedWords, keywordRedactionTag: mask }: Options): readonly Rule[] {
  return (['BLOCK', 'MASK'] as const).flatMap((action) => {
    const chosen = blockedWords.filter((word) => word.action === action)
    return keywordRules(chosen, { action, mask }, ({ keyword, description }) => ({
      reason: `Content blocked: keyword '${keyword}' detected${description ? ` (${description})` : ''}`,
      details: { keyword, description: description ?? null },
    }))
  })
}

/** One rule for all the keywords, none when there are none. */
function keywordRules<Entry extends { readonly keyword: string }>(
  entries: readonly Entry[],
  rule: Pick<Rule, 'action' | 'mask' | 'exception'>,
  tell: (entry: Entry) => Finding,
): readonly Rule[] {
  if (entries.length === 0) return []
  const named = (match: string) => entries.find(({ keyword }) => anyOf([keyword]).test(match))!
  return [{ ...rule, regex: anyOf(entries.map(({ keyword }) => keyword)), tell: (match) => tell(named(match)) }]
}

/** As Unicode where possible, else leniently. Python's leading `(?i)` says what holds anyway. */
function compile(pattern: string): RegExp | undefined {
  for (const flags of ['giu', 'gi'])
    try {
      return new RegExp(pattern.replace(/^\(\?i\)/, ''), flags)
    } catch {
      // Needless escapes, such as Python's `\-`, are errors to the first flags alone.
    }
  return undefined
}

/** Whether a group without a limit holds another one, as `(a+)+`: its time may double with every letter of a text. */
function repeatsRepetition(pattern: string): boolean {
  let rest = pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]/g, 'x')
  for (;;) {
    const [group, inside, repeat] = /\((?:\?[^:)]*:)?([^()]*)\)([*+]|\{\d+,\})?/.exec(rest) ?? []
    if (group === undefined) return false
    const isRepeating = /[*+]|\{\d+,\}/.test(inside!)
    if (isRepeating && repeat) return true
    rest = rest.replace(group, isRepeating ? 'x+' : 'x')
  }
}

/** The last digit of a card number follows from the others. https://www.iso.org/standard/70484.html (Luhn) */
function hasCheckDigit(number: string): boolean {
  const digits = Array.from(number.replace(/\D/g, ''), Number).reverse()
  const sum = digits.reduce((sum, digit, index) => sum + (index % 2 === 0 ? digit : (digit * 2) % 9 || digit), 0)
  return sum % 10 === 0
}

function judge(rules: readonly Rule[], { texts }: GuardedText): Verdict {
  const settled: string[] = []
  for (const text of texts) {
    let masked = text
    for (const rule of rules) {
      const found = find(rule, masked)
      if (found.first === undefined) continue
      if (rule.action === 'BLOCK') return { action: 'block', ...rule.tell(found.first) }
      masked = found.masked
    }
    settled.push(masked)
  }
  const isSame = settled.every((text, index) => text === texts[index])
  return isSame ? { action: 'pass' } : { action: 'rewrite', texts: settled }
}

/** Characters an expression is let loose on at once: one that is slow costs at most the square of it. */
const PIECE = 10_000
/** Characters a match may reach, or look, beyond its piece. */
const MARGIN = 2000

/** The first match, and the text with all of them masked. */
function find(
  { regex, isMeant, exception, mask }: Rule,
  text: string,
): {
  readonly first: string | undefined
  readonly masked: string
} {
  if (exception && text.search(exception) >= 0) return { first: undefined, masked: text }
  let first: string | undefined
  let masked = ''
  let end = 0
  for (let from = 0; from < text.length; from += PIECE) {
    const start = Math.max(0, from - MARGIN)
    for (const match of text.slice(start, from + PIECE + MARGIN).matchAll(regex)) {
      const at = start + match.index
      const isOfPiece = at >= Math.max(from, end) && at < from + PIECE
      if (!isOfPiece || match[0] === '' || isMeant?.(match[0]) === false) continue
      first ??= match[0]
      masked += text.slice(end, at) + mask
      end = at + match[0].length
    }
  }
  return { first, masked: masked + text.slice(end) }
}
