import type { JsonObject, Upload } from '@tianjillm/core'

/** A request as multipart form: uploads as files, lists as repeated `name[]` fields, everything else as text. */
export function formOf(input: JsonObject): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(input)) append(form, name, value)
  return form
}

function append(form: FormData, name: string, value: unknown): void {
  if (value === undefined || value === null) return
  if (isUpload(value))
    form.append(name, new Blob([value.bytes as Uint8Array<ArrayBuffer>], { type: value.type }), value.name)
  else if (Array.isArray(value) && value.length === 1 && isUpload(value[0])) append(form, name, value[0])
  else if (Array.isArray(value)) for (const item of value) append(form, name.endsWith('[]') ? name : `${name}[]`, item)
  else form.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
}

function isUpload(value: unknown): value is Upload {
  return typeof value === 'object' && value !== null && (value as Partial<Upload>).bytes instanceof Uint8Array
}
