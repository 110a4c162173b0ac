import { readingFaults } from '../plan/avro-compatibility.ts'
import type { AvroType } from '../plan/avro-schema.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { Compatibility, Incompatibility } from './schema-registry.ts'

export interface EarlierVersion {
  readonly version: number
  readonly type: AvroType
}

/** Which of the versions, given ascending, a level compares a new one with. */
export function comparedVersions<T>(level: Compatibility, versions: readonly T[]): readonly T[] {
  if (level === 'NONE') return []
  return level.endsWith('_TRANSITIVE') ? versions : versions.slice(-1)
}

/** Every reason why `next` breaks `level` against the versions it is compared with, the newest version's first. */
export function incompatibilities(
  level: Compatibility,
  next: AvroType,
  compared: readonly EarlierVersion[],
): readonly Incompatibility[] {
  const backward = level.startsWith('BACKWARD') || level.startsWith('FULL')
  const forward = level.startsWith('FORWARD') || level.startsWith('FULL')
  return compared.toReversed().flatMap(({ version, type }) => [
    ...(backward ? readingFaults(next, type) : []).map(fault => ({
      version,
      direction: 'backward' as const,
      ...fault,
    })),
    ...(forward ? readingFaults(type, next) : []).map(fault => ({
      version,
      direction: 'forward' as const,
      ...fault,
    })),
  ])
}

/** An incompatibility on one line. */
export function describeIncompatibility({ version, direction, kind, path, reason }: Incompatibility): string {
  return `${kind} at ${path}, ${direction} with version ${version}: ${reason}`
}

/** What `register` throws. */
export function incompatible(subject: string, problems: readonly Incompatibility[]): MillraceError {
  const lines = problems.map(describeIncompatibility)
  return new MillraceError('SCHEMA_INCOMPATIBLE', `${subject} cannot take this schema:\n${lines.join('\n')}`, {
    place: subject,
    fix: 'Give new fields a default and keep old ones readable, or change the compatibility level of the subject.',
  })
}
