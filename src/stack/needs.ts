import { type Engine, type EngineName, engineNames } from './engine.ts'
import { engines } from './engines.ts'

/** The engines, and before them those that they need. */
export function withNeeds(wanted: readonly Engine[]): readonly Engine[] {
  const all = new Map<EngineName, Engine>()
  const add = (engine: Engine) => {
    for (const name of engine.needs ?? []) if (!all.has(name)) add(engines[name])
    all.set(engine.name, engine)
  }
  for (const engine of wanted) add(engine)
  return [...all.values()]
}

/** The names, and those of engines that keep data together with them: what needs others comes before them. */
export function withCompanions(names: readonly EngineName[]): readonly EngineName[] {
  const chosen = new Set(names)
  for (const name of engineNames) {
    const { needs = [] } = engines[name]
    if (chosen.has(name) || needs.some(each => chosen.has(each))) for (const each of [name, ...needs]) chosen.add(each)
  }
  return withNeeds([...chosen].map(name => engines[name]))
    .map(({ name }) => name)
    .toReversed()
}

/**
 * Does `work` for each engine, side by side, but for one that needs others after theirs.
 * @param order `needed first` as they are started, `needed last` as they are stopped
 */
export function inOrder<T>(
  all: readonly Engine[],
  order: 'needed first' | 'needed last',
  work: (engine: Engine) => Promise<T>,
): readonly Promise<T>[] {
  const comesAfter = (one: Engine, other: Engine) =>
    (order === 'needed first' ? one.needs : other.needs)?.includes(order === 'needed first' ? other.name : one.name) ??
    false
  const begun = new Map<Engine, Promise<T>>()
  const begin = (engine: Engine): Promise<T> => {
    const known = begun.get(engine)
    if (known !== undefined) return known
    const before = all.filter(other => comesAfter(engine, other)).map(begin)
    const own = Promise.all(before).then(() => work(engine))
    begun.set(engine, own)
    return own
  }
  return all.map(begin)
}
