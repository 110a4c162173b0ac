import type { IncomingMessage, ServerResponse } from 'node:http'
import { referencedTypes } from '../plan/avro-references.ts'
import { type AvroType, parseAvro } from '../plan/avro-schema.ts'
import { describeIncompatibility, incompatibilities } from '../ports/compatibility.ts'
import type {
  Compatibility,
  Incompatibility,
  RegisteredSchema,
  SchemaRegistry,
  StoredSchema,
} from '../ports/schema-registry.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import { type GivenSchema, readBody, readObject, readSchema } from './registry-body.ts'
import { RestError, restErrorOf } from './registry-errors.ts'

const contentType = 'application/vnd.schemaregistry.v1+json'
/** Subjects in one answer, as in Confluent's. */
const maxSubjectsListed = 20_000

/**
 * Confluent Schema Registry's REST API over any schema registry, as a handler for `createServer` of `node:http`.
 * Avro only; no modes, contexts or exporters. A registry cannot tell whether a level is a subject's own, so
 * `GET /config/<subject>` always gives the level in force; nor can it list deleted versions, so asking for them is refused.
 */
export function registryRest(registry: SchemaRegistry): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answerRest(registry, request).then(({ status, body }) => {
      const text = JSON.stringify(body)
      response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) })
      response.end(text)
    })
  }
}

interface RestAnswer {
  readonly status: number
  readonly body: Json
}

/** Never rejects: what goes wrong is an answer too. */
async function answerRest(registry: SchemaRegistry, request: IncomingMessage): Promise<RestAnswer> {
  const [path = '', query = ''] = (request.url ?? '/').split('?', 2)
  const steps = path.split('/').filter(step => step !== '')
  try {
    const { answer, parameters } = findRoute(request.method ?? 'GET', steps)
    const [subject = '', version = ''] = parameters
    const asked = { registry, subject, version, query: new URLSearchParams(query), body: await readBody(request) }
    return { status: 200, body: await answer(asked) }
  } catch (thrown) {
    const { status, errorCode, message } = restErrorOf(thrown, steps.length > 3 ? 'version' : 'subject')
    return { status, body: { error_code: errorCode, message } }
  }
}

interface Asked {
  readonly registry: SchemaRegistry
  /** The first parameter of the path, which may be an id instead. */
  readonly subject: string
  readonly version: string
  readonly query: URLSearchParams
  readonly body: string
}

type Answer = (asked: Asked) => Promise<Json>

/** By method and path; a colon stands for a parameter. */
const routes: { readonly [route: string]: Answer } = {
  'GET /': async () => ({}),
  'GET /schemas/types': async () => ['AVRO'],
  'GET /schemas/ids/:': async asked => storedBody(await storedById(asked)),
  'GET /schemas/ids/:/schema': async asked => (await storedById(asked)).schema,
  'GET /subjects': listSubjects,
  'POST /subjects/:': lookUp,
  'DELETE /subjects/:': ({ registry, subject, query }) =>
    registry.deleteSubject(subject, { permanent: isSet(query, 'permanent') }),
  'GET /subjects/:/versions': listVersions,
  'POST /subjects/:/versions': register,
  'GET /subjects/:/versions/:': async asked => registeredBody(await registeredVersion(asked)),
  'GET /subjects/:/versions/:/schema': async asked => (await registeredVersion(asked)).schema,
  'DELETE /subjects/:/versions/:': deleteVersion,
  'POST /compatibility/subjects/:/versions': check,
  'POST /compatibility/subjects/:/versions/:': compareWithVersion,
  'GET /config': async ({ registry }) => ({ compatibilityLevel: await registry.compatibility() }),
  'PUT /config': setLevel,
  'DELETE /config': removeLevel,
  'GET /config/:': async ({ registry, subject }) => ({ compatibilityLevel: await registry.compatibility(subject) }),
  'PUT /config/:': setLevel,
  'DELETE /config/:': removeLevel,
}

function findRoute(method: string, steps: readonly string[]): { answer: Answer; parameters: readonly string[] } {
  const allowed: string[] = []
  for (const [route, answer] of Object.entries(routes)) {
    const [ofRoute = '', path = ''] = route.split(' ')
    const pattern = path.split('/').filter(step => step !== '')
    const matches = pattern.length === steps.length && pattern.every((step, i) => step === ':' || step === steps[i])
    if (!matches) continue
    if (ofRoute === method) {
      return { answer, parameters: steps.filter((_, i) => pattern[i] === ':').map(decodeStep) }
    }
    allowed.push(ofRoute)
  }
  const path = `/${steps.join('/')}`
  if (allowed.length === 0) throw new RestError(404, 404, `There is no ${path} here.`)
  throw new RestError(405, 405, `${path} takes ${allowed.join(', ')}, not ${method}.`)
}

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch (cause) {
    throw new RestError(400, 400, `${step} is not percent-encoded as it should be.`, { cause })
  }
}

function storedById({ registry, subject: id }: Asked): Promise<StoredSchema> {
  const number = wholeNumber(id)
  if (number === null) throw new RestError(404, 40403, `There is no schema ${id}.`)
  return registry.byId(number)
}

function registeredVersion({ registry, subject, version }: Asked): Promise<RegisteredSchema> {
  return registry.version(subject, parseVersion(version))
}

async function listSubjects({ registry, query }: Asked): Promise<readonly string[]> {
  const deleted = isSet(query, 'deleted')
  const prefix = query.get('subjectPrefix') ?? ''
  const offset = numberOf(query, 'offset') ?? 0
  const end = offset + Math.min(numberOf(query, 'limit') ?? maxSubjectsListed, maxSubjectsListed)
  const names: string[] = []
  let after: string | null | undefined
  while (after !== null && names.length < end) {
    const page = await registry.subjects({ deleted, limit: 1_000, ...(after === undefined ? {} : { after }) })
    names.push(...page.items.filter(name => name.startsWith(prefix)))
    after = page.next
  }
  return names.slice(offset, end)
}

async function listVersions({ registry, subject, query }: Asked): Promise<readonly number[]> {
  if (isSet(query, 'deleted')) throw new RestError(422, 422, 'Deleted versions are not listed here.')
  return registry.versions(subject)
}

async function register({ registry, subject, body }: Asked): Promise<Json> {
  const { schema, references } = readSchema(body)
  const { id } = await registry.register(subject, schema, references)
  return { id }
}

async function lookUp({ registry, subject, body }: Asked): Promise<Json> {
  const { schema, references } = readSchema(body)
  const found = await registry.lookup(subject, schema, references)
  if (found !== null) return registeredBody(found)
  // An unknown subject is told apart from an unknown schema.
  await registry.versions(subject)
  throw new RestError(404, 40403, `${subject} has no such schema.`)
}

async function deleteVersion({ registry, subject, version, query }: Asked): Promise<number> {
  const wanted = parseVersion(version)
  const number = wanted === 'latest' ? (await registry.version(subject, wanted)).version : wanted
  await registry.deleteVersion(subject, number, { permanent: isSet(query, 'permanent') })
  return number
}

async function check({ registry, subject, query, body }: Asked): Promise<Json> {
  const { schema, references } = readSchema(body)
  return verdict(await registry.check(subject, schema, references), query)
}

/** With this version alone, whichever ones the level would take. */
async function compareWithVersion(asked: Asked): Promise<Json> {
  const { registry, subject, query } = asked
  const next = await typeOf(registry, readSchema(asked.body))
  const level = await registry.compatibility(subject)
  const earlier = await registeredVersion(asked).catch((thrown: unknown) => {
    const isFirst = thrown instanceof MillraceError && thrown.code === 'SUBJECT_UNKNOWN' && asked.version === 'latest'
    if (isFirst) return null
    throw thrown
  })
  if (earlier === null || level === 'NONE') return verdict([], query)
  const type = await typeOf(registry, earlier, { checkDefaults: false })
  return verdict(incompatibilities(level, next, [{ version: earlier.version, type }]), query)
}

async function typeOf(
  registry: SchemaRegistry,
  { schema, references }: GivenSchema,
  options: { readonly checkDefaults?: boolean } = {},
): Promise<AvroType> {
  const known = await referencedTypes(references, (subject, version) => registry.version(subject, version))
  return parseAvro(schema, { known, ...options }).type
}

async function setLevel({ registry, subject, body }: Asked): Promise<Json> {
  const { compatibility } = readObject(body)
  // The registry refuses what is no level.
  await registry.setCompatibility(String(compatibility) as Compatibility, subject === '' ? undefined : subject)
  return { compatibility: String(compatibility) }
}

async function removeLevel({ registry, subject }: Asked): Promise<Json> {
  const of = subject === '' ? undefined : subject
  const level = await registry.compatibility(of)
  await registry.setCompatibility(null, of)
  return { compatibilityLevel: level }
}

function verdict(problems: readonly Incompatibility[], query: URLSearchParams): Json {
  const messages = isSet(query, 'verbose') ? { messages: problems.map(describeIncompatibility) } : {}
  return { is_compatible: problems.length === 0, ...messages }
}

/** A registry gives schemas as JSON; the API carries them as text. */
function storedBody({ schema, references }: GivenSchema): { readonly [key: string]: Json } {
  const list = references.map(({ name, subject, version }) => ({ name, subject, version }))
  return { schema: JSON.stringify(schema), ...(list.length === 0 ? {} : { references: list }) }
}

function registeredBody(found: RegisteredSchema): Json {
  const { subject, version, id } = found
  return { subject, version, id, ...storedBody(found) }
}

function parseVersion(text: string): number | 'latest' {
  if (text === 'latest' || text === '-1') return 'latest'
  const number = wholeNumber(text)
  if (number !== null && number > 0) return number
  throw new RestError(422, 42202, `${text} is no version: it is a number from 1 on, or latest.`)
}

function isSet(query: URLSearchParams, name: string): boolean {
  return query.get(name) === 'true'
}

function numberOf(query: URLSearchParams, name: string): number | null {
  const text = query.get(name)
  // Confluent's clients send -1 for no limit.
  if (text === null || text === '-1') return null
  const number = wholeNumber(text)
  if (number !== null) return number
  throw new RestError(400, 400, `${name} is no whole number.`)
}

function wholeNumber(text: string): number | null {
  return /^\d{1,10}$/.test(text) ? Number(text) : null
}
