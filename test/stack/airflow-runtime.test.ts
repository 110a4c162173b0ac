import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { airflowRuntime, isSupported } from '../../src/stack/airflow-runtime.ts'
import { temporaryDirectory } from '../support.ts'

const engine = { title: 'Airflow 3.3.2', folder: 'airflow' }

/** An empty cache, and programs by their names, which note how they were called. */
function machine(programs: { readonly [name: string]: string }) {
  const directory = temporaryDirectory()
  const path = join(directory, 'bin')
  mkdirSync(path)
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\necho "${name} $*" >> ${directory}/calls\n${script}\n`)
    chmodSync(join(path, name), 0o755)
  }
  const env = { PATH: [path, '/usr/bin', '/bin'].join(delimiter), MILLRACE_CACHE: join(directory, 'cache') }
  return {
    calls: () => readFileSync(join(directory, 'calls'), 'utf8'),
    install: (more: NodeJS.ProcessEnv = {}, only = false) =>
      airflowRuntime.install(engine, {
        env: { ...env, ...more, ...(only && { PATH: path }) },
        signal: new AbortController().signal,
        onDownload: () => {},
      }),
  }
}

/** As uv: makes the directory that it is given last; the environment of the second call is noted. */
const uv = `
case $1 in
  venv) for last; do :; done; mkdir -p $last/bin; echo '' > $last/bin/python;;
  pip) test -z "$PYTHONDONTWRITEBYTECODE" || exit 1;;
esac`

describe('the environment of Airflow', () => {
  it('is installed by uv, with digests and bytecode, once', async () => {
    const { calls, install } = machine({ python3: 'echo 3.12', uv })
    const first = await install({ PYTHONDONTWRITEBYTECODE: '1' })
    expect(await install()).toMatchObject({ files: first.files })
    expect(calls().match(/^uv/gm)).toHaveLength(2)
    expect(calls()).toMatch(
      /^uv pip install .*--compile-bytecode .*--require-hashes --requirements .*requirements\.txt$/m,
    )
  })

  it('is installed by a uv from pip where there is none', async () => {
    const script = `
case "$*" in
  *"-m pip"*) while test "$1" != --target; do shift; done; mkdir -p $2/bin
    printf '%s' '#!/bin/sh${uv}' > $2/bin/uv; chmod +x $2/bin/uv;;
  *) echo 3.11;;
esac`
    const { calls, install } = machine({ python3: script })
    await install({}, false)
    expect(calls()).toMatch(/^python3 -m pip install .*--require-hashes --requirement .*uv\.txt$/m)
  })

  it('needs a Python that fits, and says which there are', async () => {
    const { install } = machine({ python3: 'echo 3.9', 'python3.10': 'echo broken >&2; exit 1' })
    await expect(install({}, true)).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      message: expect.stringMatching(/needs Python 3\.10 to 3\.14; PATH has 3\.9 \(.*python3\)\./),
    })
  })

  it('says what uv said when it fails', async () => {
    const { install } = machine({ python3: 'echo 3.12', uv: 'echo no route >&2; exit 2' })
    await expect(install()).rejects.toMatchObject({
      code: 'ENGINE_DOWNLOAD',
      message: expect.stringContaining('no route'),
    })
  })

  it.each([
    ['3.9', false],
    ['3.10', true],
    ['3.14', true],
    ['3.15', false],
    ['', false],
  ])('runs on Python %s: %s', (version, supported) => {
    expect(isSupported(version)).toBe(supported)
  })
})
