export { seededRandom } from '../adapters/system/seeded-random.ts'
