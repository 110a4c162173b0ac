import { execFileSync, spawnSync } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from '../../support.ts'

export const tmuxIsMissing = spawnSync('tmux', ['-V']).status !== 0

/** How long a screen may take to become what is expected, in milliseconds. */
const patienceMs = 60_000

export interface Pane {
  /** Keys as tmux names them: `q`, `Enter`, `C-c`. */
  press(...keys: string[]): void
  resize(columns: number, rows: number): void
  /** The visible lines. */
  screen(): string[]
  /** What scrolled away, then the visible lines. */
  everything(): string[]
  cursorVisible(): boolean
  /** Waits until a line has the text. */
  until(text: string | RegExp): Promise<void>
}

/** A real terminal with a shell in it, and a server of its own that ends with the test. */
export function openPane(columns: number, rows: number): Pane {
  const socket = `${temporaryDirectory()}/tmux`
  const tmux = (...args: string[]) => execFileSync('tmux', ['-S', socket, ...args], { encoding: 'utf8' })
  const env = ['LANG=C.UTF-8', `PATH=${process.env.PATH}`, 'PS1=$ ']
  const shell = ['env', '-i', 'TERM=screen-256color', ...env, 'bash', '--norc', '--noprofile']
  tmux('-f', '/dev/null', '-u', 'new-session', '-d', '-x', String(columns), '-y', String(rows), ...shell)
  onTestFinished(() => void tmux('kill-server'))
  tmux('set', '-g', 'status', 'off')
  const lines = (...args: string[]) =>
    tmux('capture-pane', '-p', ...args)
      .replace(/\n+$/, '')
      .split('\n')
  const pane: Pane = {
    press: (...keys) => void tmux('send-keys', ...keys),
    resize: (width, height) => void tmux('resize-window', '-x', String(width), '-y', String(height)),
    screen: () => lines(),
    everything: () => lines('-S', '-'),
    cursorVisible: () => tmux('display', '-p', '#{cursor_flag}').trim() === '1',
    async until(text) {
      const end = Date.now() + patienceMs
      for (;;) {
        const screen = pane.screen().join('\n')
        if (typeof text === 'string' ? screen.includes(text) : text.test(screen)) return
        if (Date.now() > end) throw new Error(`the screen never had ${text}:\n${screen}`)
        await new Promise(resolve => setImmediate(resolve))
      }
    },
  }
  return pane
}
