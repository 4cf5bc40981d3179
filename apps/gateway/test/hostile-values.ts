/** Texts that mean something to databases, shells, scripts, terminals or JavaScript, and to whatever reads texts. */
const texts: readonly string[] = [
  ...["'; DROP TABLE tianji_keys; --", '" OR ""="', "' OR '1'='1' /*", '1); DELETE FROM tianji_users; --'],
  ...["'||pg_sleep(9)||'", "'; ATTACH DATABASE '/tmp/x' AS x; --", '$1', '?', ':name', '@p', '%', '_', '\\', '`', '$$'],
  ...[
    '$\u007bjndi:ldap://127.0.0.1/x}',
    '{{7*7}}',
    '../../etc/passwd',
    '<script>alert(1)</script>',
    '\r\nset-cookie: a=b',
  ],
  ...['\u202egnp.exe', 'e\u0301'.repeat(50), '👩‍👩‍👧', 'ﷺ', '\ufeff', '\uffff', '\u2028'],
  ...['\u0000', 'a\u0000b', '\u0001\u001b[31m', '\n', '\u0085', '', ' '],
  ...['__proto__', 'constructor', 'toString', 'prototype', 'hasOwnProperty'],
  ...['null', 'undefined', 'NaN', '-Infinity', '1e999', '-1', '0', '5', '1.5', '0x10', 'true'],
  ...[
    '2026-02-30',
    '9999-99-99',
    '0000-00-00',
    '275760-09-14',
    '2026-11-21T00:00:00Z',
    '-5d',
    '0s',
    '999999999mo',
    '1e9d',
  ],
  ...['a,b,,c', ','.repeat(500), 'x'.repeat(257)],
]

/** Halves of signs, which JSON can spell and no text should have. */
const halves = ['"\\ud800"', '"\\udfff\\ud800"', '"a\\udc00b"']

const numbers = [
  ...['0', '-0', '-1', '5', '1.5', '1e-320', '1e308', '1e309', '-1e309', '2147483648', '1000001'],
  ...['9007199254740991', '9007199254740993', '9223372036854775808', '-9223372036854775809'],
]

const nested = (open: string, inner: string, close: string, depth: number) =>
  open.repeat(depth) + inner + close.repeat(depth)

const structures = [
  ...['true', 'false', 'null', '[]', '{}', '[[]]', '[null]', '[{}]', '[1]', '[""]', '["\\u0000"]', '["a","a"]'],
  ...['{"__proto__":{"isAdmin":true}}', '{"constructor":{"prototype":{}}}', '{"toString":"x"}', '{"a":1,"a":-1}'],
  ...[
    '{"a\\u0000b":"c\\u0000d"}',
    '{"\\ud800":1}',
    '{"\\u0000":1}',
    '{"":1}',
    '{"a":1e308}',
    '{"a":1e309}',
    '{"a":-1}',
  ],
  ...['{"budget_limit":1,"time_period":"x"}', '{"a":{"budget_limit":1,"time_period":"x"}}'],
  ...[nested('[', '', ']', 10_000), nested('{"a":', '1', '}', 10_000), nested('[', '', ']', 400_000)],
  ...[`[${'"x",'.repeat(100_000)}"x"]`, `{${Array.from({ length: 30_000 }, (_, index) => `"k${index}":1`).join(',')}}`],
]

/** A megabyte: as much as a body may have. */
const LONG = `"${'x'.repeat(1_000_000)}"`

/** Values of fields as JSON spells them. */
export const hostileJson: readonly string[] = [
  ...texts.map((text) => JSON.stringify(text)),
  ...halves,
  ...numbers,
  ...structures,
  LONG,
]

/** The same for a query or a part of a path, as URLs spell them. */
export const hostileInUrls: readonly string[] = [
  ...texts.map((text) => encodeURIComponent(text)),
  ...numbers,
  ...['%', '%zz', '%ff', '%c0%80', '%ed%a0%80', '%00%00', '%2e%2e%2f', '%252e', '+', 'a%3Db%26c', 'x'.repeat(10_000)],
]

/** Bodies that are wrong as a whole. */
export const hostileBodies: readonly (string | Uint8Array)[] = [
  ...['', ' ', 'x', '{', '{"a":1', '[]', '[{}]', 'null', 'true', '1', '"x"', '{}{}', "{'a':1}", '{"a":1,}', '\ufeff{}'],
  ...[
    '{"__proto__":{"isAdmin":true}}',
    '{"constructor":1}',
    '{"toString":null}',
    '{"\\u0000":1}',
    '{"":1}',
    '{"\\ud800":1}',
  ],
  ...['{"a":1,"a":2}', 'a=1&b=2', '<a/>', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--'],
  ...[
    nested('[', '', ']', 10_000),
    nested('{"a":', '1', '}', 10_000),
    '['.repeat(1_000_000),
    nested('[', '', ']', 500_000),
  ],
  ...[`{"${'x'.repeat(1_000_000)}":1}`, 'x'.repeat(2_000_000)],
  ...[new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
]

/** Types that a body might pretend to be of; undefined: none. */
export const contentTypes: readonly (string | undefined)[] = [
  ...[undefined, 'text/plain', 'application/xml', 'multipart/form-data', 'application/x-www-form-urlencoded', 'x'],
]
