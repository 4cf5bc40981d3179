/** One thing that an API can do, said alike for all versions of OpenAPI. */
export interface Operation {
  readonly id: string | undefined
  readonly method: Method
  readonly path: string
  readonly summary: string | undefined
  readonly description: string | undefined
  readonly isDeprecated: boolean
  readonly parameters: readonly Parameter[]
  readonly body: Body | undefined
  /** Where it is, if not where the others are. */
  readonly servers: unknown
}

/** Methods that are offered; the others ask about an operation. */
export const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
export type Method = (typeof methods)[number]

/** What is put into the path, the query or the headers. */
export interface Parameter {
  readonly name: string
  readonly place: 'path' | 'query' | 'header'
  readonly isRequired: boolean
  readonly description: string | undefined
  /** As the document has it. */
  readonly schema: unknown
  readonly encoding: Encoding
}

/** How a value that is no text becomes one. https://spec.openapis.org/oas/v3.1.1#style-values */
export type Encoding = 'json' | { readonly style: Style; readonly explode: boolean }
export type Style = 'simple' | 'form' | 'spaceDelimited' | 'pipeDelimited' | 'tabDelimited' | 'deepObject'

/** What is sent in the body. */
export interface Body {
  readonly kind: 'json' | 'form' | 'multipart' | 'text'
  readonly mediaType: string
  readonly isRequired: boolean
  readonly schema: unknown
  /** Of fields of a form, by their names. */
  readonly encodings: Readonly<Record<string, Encoding>>
  /** Fields that are files. */
  readonly files: ReadonlySet<string>
}
