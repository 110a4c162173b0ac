import { isTransient, toMillraceError } from '../../../src/adapters/kafka/errors.ts'

/** `Cluster.retrying` of a cluster that is played: ten tries, without pauses. */
export async function retrying<T>(doing: string, place: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (thrown) {
      if (tries === 10 || !isTransient(thrown)) throw toMillraceError(thrown, doing, place)
    }
  }
}
