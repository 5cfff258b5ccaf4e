#!/usr/bin/env node
// Stands in for Prisma's native schema engine, which can't be downloaded
// everywhere: the same engine as WebAssembly from npm, behind the protocol
// that the CLI speaks to the native one (JSON-RPC, one message a line).
//
// PRISMA_SCHEMA_ENGINE_BINARY names this file, PRISMA_MAJOR says whose engine
// it is to be.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    datasource: { type: 'string' },
    datamodels: { type: 'string', multiple: true },
    version: { type: 'boolean' },
  },
})
if (values.version) {
  console.log('schema-engine-cli stand-in')
  process.exit()
}
// Whether the database is there, the first real question will tell.
if (positionals[0] === 'cli') {
  console.error(JSON.stringify({ level: 'INFO', target: 'engine', fields: { message: 'ok' } }))
  process.exit()
}

const old = process.env.PRISMA_MAJOR === '6'
const { PrismaPg } = await import('@prisma/adapter-pg')
const { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } =
  await import('@prisma/driver-adapter-utils')
const wasm = old ? 'schema-engine-wasm-6' : '@prisma/schema-engine-wasm'

// --- The database --------------------------------------------------------

const CHAR = 18 // pg_type's oid of "char", which the adapter doesn't know
const TEXT = 25

// A script's statements; since 7.4 the native engine sends them one by one.
function statements(script) {
  const token =
    /--[^\n]*|\/\*[^]*?\*\/|\be'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[^]*?\$\1\$|[^]/gi
  const found = ['']
  for (const [text] of script.matchAll(token)) {
    if (text === ';') found.push('')
    else if (!/^--|^\/\*/.test(text)) found[found.length - 1] += text
  }
  return found.filter((text) => text.trim())
}

class Adapter {
  static wrap(adapter, release = () => {}) {
    const { queryRaw, performIO, dispose } = adapter
    return Object.assign(adapter, {
      async queryRaw(query) {
        let fields = []
        const once = Object.create(adapter, {
          performIO: {
            async value(asked) {
              const result = await performIO.call(adapter, asked)
              fields = result.fields.map((field) => field.dataTypeID)
              for (const field of result.fields)
                if (field.dataTypeID === CHAR) field.dataTypeID = TEXT
              return result
            },
          },
        })
        const result = await queryRaw.call(once, query)
        fields.forEach((type, i) => {
          if (type === CHAR) result.columnTypes[i] = ColumnTypeEnum.Character
        })
        return result
      },
      // The adapter's own cuts at every semicolon.
      async executeScript(script) {
        try {
          for (const sql of old ? [script] : statements(script))
            await adapter.underlyingDriver().query(sql)
        } catch (error) {
          adapter.onError(error)
        }
      },
      async dispose() {
        await dispose.call(adapter)
        await release()
      },
    })
  }
}

class Factory extends PrismaPg {
  constructor(url) {
    const schema = url.searchParams.get('schema') ?? 'public'
    super(
      {
        host: url.hostname,
        port: Number(url.port),
        user: decodeURIComponent(url.username),
        password: decodeURIComponent(url.password),
        database: decodeURIComponent(url.pathname.slice(1)),
        options: `-c search_path="${schema}"`,
        max: 1, // a lock belongs to its session
      },
      { schema },
    )
  }

  async connect() {
    return Adapter.wrap(await super.connect())
  }

  async connectToShadowDb() {
    const name = `prisma_migrate_shadow_db_${crypto.randomUUID()}`
    const main = await super.connect()
    const administer = (sql) => main.underlyingDriver().query(sql)
    await administer(`CREATE DATABASE "${name}" TEMPLATE template0`)
    const shadow = new PrismaPg({ ...this.config, database: name }, this.options)
    return Adapter.wrap(await shadow.connect(), async () => {
      await administer(`DROP DATABASE "${name}" WITH (FORCE)`)
      await main.dispose()
    })
  }
}

// --- The engine ----------------------------------------------------------

// What it says when it panics; it dies without a word otherwise.
let panic
globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => (panic = message) }

async function start() {
  const models = (values.datamodels ?? []).map((path) => [path, readFileSync(path, 'utf8')])
  const url =
    values.datasource === undefined
      ? process.env.DATABASE_URL
      : JSON.parse(values.datasource).url
  const glue = await import(`${wasm}/schema_engine_bg`)
  const path = createRequire(import.meta.url)
    .resolve(`${wasm}/schema_engine_bg`)
    .replace(/\.js$/, '.wasm')
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(readFileSync(path)),
    { './schema_engine_bg.js': glue },
  )
  glue.__wbg_set_wasm(exports)
  exports.__wbindgen_start()
  return glue.SchemaEngine.new(
    { datamodels: models.length ? models : undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(new Factory(new URL(url))),
  )
}

const send = (message) =>
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n')

let engine
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  if (!method) continue // an answer to our `print`
  try {
    engine ??= await start()
    const result = await engine[method === 'getDatabaseVersion' ? 'version' : method](params)
    if (result?.stdout)
      send({ id: `print ${id}`, method: 'print', params: { content: result.stdout } })
    send({ id, result: result ?? null })
  } catch (error) {
    send({
      id,
      error: {
        code: 4466,
        message: 'An error happened. Check the data field for details.',
        data: {
          is_panic: false,
          message: panic ? `the engine panicked: ${panic}` : error.message,
          error_code: error.code,
          meta: error.meta,
        },
      },
    })
  }
}
process.exit()
