/** The part of a JSON Schema (2020-12) that the description of this API uses. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

/** Schemas by name. */
export type Schemas = Readonly<Record<string, Schema>>

/** A field as a reader sees it. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  readonly description: string
}

/** Finds what a reference leads to; a schema that is one of several leads to the first that is an object. */
function resolve(schema: Schema, schemas: Schemas): Schema {
  const named = schema.$ref === undefined ? schema : (schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})
  const choices = named.oneOf ?? named.anyOf ?? named.allOf
  if (named.properties !== undefined || choices === undefined) return named
  return choices.map((choice) => resolve(choice, schemas)).find(({ properties }) => properties !== undefined) ?? named
}

/** Lists the fields of an object; those of all its forms, where it has several. */
export function fieldsOf(schema: Schema, schemas: Schemas): readonly Field[] {
  const whole = schema.$ref === undefined ? schema : (schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})
  const forms = [whole, ...(whole.oneOf ?? whole.anyOf ?? whole.allOf ?? []).map((form) => resolve(form, schemas))]
  const fields = new Map<string, Field>()
  for (const { properties = {}, required = [] } of forms)
    for (const [name, field] of Object.entries(properties))
      if (!fields.has(name))
        fields.set(name, {
          name,
          type: typeOf(field, schemas),
          isRequired: required.includes(name),
          description: field.description ?? '',
        })
  return [...fields.values()]
}

/** Names a type in a few words. */
export function typeOf(schema: Schema, schemas: Schemas): string {
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined) return [...new Set(choices.map((choice) => typeOf(choice, schemas)))].join(' or ')
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? ''
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['any'])
  const names = types.map((type) => {
    if (type === 'array') return `list of ${typeOf(schema.items ?? {}, schemas)}`
    if (type === 'object' && schema.properties !== undefined) return `{ ${Object.keys(schema.properties).join(', ')} }`
    return type === 'string' && schema.format === 'date-time' ? 'instant' : type
  })
  return names.join(' or ')
}

const SAMPLES: Readonly<Record<string, unknown>> = {
  owner: 'acme',
  name: 'Production',
  amount: 100,
  balance: 100,
  limit: 100,
  windowSeconds: 60,
  graceSeconds: 3_600,
  until: '2030-01-01T00:00:00.000Z',
  apiKey: 'API_KEY',
}

/** Makes a body to try: the fields that are required, and the owner; of an object that requires none, its first field. */
export function sampleOf(schema: Schema, schemas: Schemas, name = ''): unknown {
  const found = resolve(schema, schemas)
  if (Object.hasOwn(SAMPLES, name)) return SAMPLES[name]
  if (found.enum !== undefined) return found.enum[0]
  if (found.properties !== undefined) {
    const { properties, required = [] } = found
    const shown = Object.keys(properties).filter((field) => required.includes(field) || field === 'owner')
    const fields = shown.length > 0 ? shown : Object.keys(properties).slice(0, 1)
    return Object.fromEntries(fields.map((field) => [field, sampleOf(properties[field] ?? {}, schemas, field)]))
  }
  const type = typeof found.type === 'string' ? found.type : found.type?.[0]
  if (type === 'array') return [sampleOf(found.items ?? {}, schemas)]
  if (type === 'integer' || type === 'number') return 1
  return type === 'boolean' ? true : type === 'object' ? {} : 'text'
}
