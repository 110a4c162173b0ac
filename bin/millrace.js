#!/usr/bin/env node
// The compiled CLI needs node:sqlite and type stripping; a plain sentence beats the stack trace an older Node would print.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(`millrace needs Node 24.12 or newer and this is ${process.version}.`)
  console.error('Run it as `npx millrace …` in the project that installed it: it brings its own Node.')
  process.exit(2)
}
const { main } = await import('../dist/cli/main.js')
await main()
