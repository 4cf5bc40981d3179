/** Keys under which a model may be known, the nearest first. */
export interface Names {
  /** Of the model itself, or of the family that its price is. */
  readonly own: readonly string[]
  /** Of the model it was made from: it can do the same at another price. */
  readonly kin: readonly string[]
}

/** The keys to look for when a vendor's model id is asked for. */
export function namesOf(model: string): Names {
  const [kind, base = '', ...rest] = model.split(':')
  if (kind === 'ft' && rest.length > 0) return { own: [model, ...families(`ft:${base}`)], kin: families(base) }
  const bare = model.replace(path, '')
  const regions = region.test(bare) ? families(bare.replace(region, '')) : [`global.${bare}`]
  return { own: unique([model, ...families(bare), ...regions]), kin: [] }
}

/** `converse/` or `us-east-1/` before an id tell how or where a model is asked. */
const path = /^(?:(?:converse|converse_like|invoke|[a-z]{2}(?:-[a-z]+)+-\d)\/)+/

/** `us.` or `global.`, before an id that itself begins with its maker's name. Some are sold only with one. */
const region = /^(?:[a-z]{2}|us-gov|apac|global)\.(?=[a-z0-9]+\.)/

/** A date that can be one, a number of a version, or `latest`, at the end. */
const edition = /(?:[-@]20[2-4]\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])|-00\d|[-@]latest)$/

/** A model and, when its id names an edition, its family. */
function families(model: string): readonly string[] {
  const family = model.replace(edition, '')
  return family === model ? [model] : [model, family, `${family}-latest`]
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}
