import { MillraceError } from '../../sdk/errors.ts'
import type { Session } from './connect/session.ts'

/** Older servers do not know the trigger, and would start micro-batches instead without a word. */
const firstVersion = [4, 2] as const

/** For the trigger, as errors name it. */
const place = 'spark › trigger'

/**
 * Real-time mode reads all partitions at the same time, each with a task that does not end before its batch does: partitions for
 * which there is no place are not read, and Spark says nothing of it.
 *
 * @throws MillraceError `CONFIG_INVALID`, where more places help to be tried again later.
 */
export async function requireRealTime(
  session: Session,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
  signal: AbortSignal,
): Promise<void> {
  const version = await session.version(signal)
  if (!isSince(version, firstVersion)) {
    const fix = `Use Spark ${firstVersion.join('.')} or newer, or another trigger.`
    throw new MillraceError('CONFIG_INVALID', `Spark ${version} has no real-time mode over Spark Connect.`, {
      place,
      fix,
    })
  }
  const places = await taskPlaces(session, signal)
  if (places === null || places >= partitions) return
  throw new MillraceError(
    'CONFIG_INVALID',
    `Real-time mode reads the ${partitions} partitions of ${topic} at the same time, and Spark has places for ${places} tasks: the others would not be read.`,
    { place, fix: `Give Spark ${partitions} cores, or use another trigger.`, retry: 'later' },
  )
}

/** How many tasks run at the same time; null where Spark gets itself more executors when it needs them, or does not say. */
async function taskPlaces(session: Session, signal: AbortSignal): Promise<number | null> {
  const dynamic = 'spark.dynamicAllocation.enabled'
  if ((await session.settings([dynamic], signal))[dynamic] === 'true') return null
  // A range is cut into as many parts as there are places. Spark is not asked to run it: the places may be taken.
  const plan = await session.explain({ range: { start: '0', end: '1', step: '1' } }, signal)
  const [, splits] = /\bsplits=(?:Some\()?(\d+)/.exec(plan) ?? []
  return splits === undefined ? null : Number(splits)
}

function isSince(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ofMajor = 0, ofMinor = 0] = version.split('.').map(Number)
  return ofMajor > major || (ofMajor === major && ofMinor >= minor)
}
