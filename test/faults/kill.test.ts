import { resolve } from 'node:path'
import { it } from 'vitest'
import { embedded } from '../../src/sdk/config.ts'
import { killRound } from './kill-round.ts'

const kills = 20

it(`dev, killed at ${kills} moments, loses nothing, repeats nothing and never runs ahead (G1–G5)`, {
  timeout: 900_000,
}, async () => {
  const project = resolve(import.meta.dirname, '../..')
  await killRound({ kills, project, targetName: 'local', target: embedded(), env: {} })
})
