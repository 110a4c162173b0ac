import { randomUUID } from 'node:crypto'

/** In the newer protocol members name themselves; this one begins with what it is called in lists. */
export function newMemberId(member: string): string {
  return `${member}-${randomUUID()}`
}

/** What the member is called in lists; null for one of another program. */
export function memberIn(memberId: string): string | null {
  return /^(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/s.exec(memberId)?.[1] ?? null
}
