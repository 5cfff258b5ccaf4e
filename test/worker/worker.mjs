// A worker as teams have it in front of a private database: its run-sql action
// cuts the text at every ";" and hands each piece to Prisma's client, which
// runs it on any connection of its pool.
//
//   node worker.mjs SOCKET LOG
//
// WORKER_URL is the database, WORKER_SECONDS how long a call may take: then
// the caller is told so, and what was sent runs on.  Each call adds a line
// with its pieces to the log.
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@prisma/client'

const [socket, log] = process.argv.slice(2)
const seconds = Number(process.env.WORKER_SECONDS ?? 120)
const adapter = new PrismaPg({ connectionString: process.env.WORKER_URL })
const prisma = new PrismaClient({ adapter })

async function runSql(sql) {
  const pieces = sql.split(';').map((piece) => piece.trim()).filter(Boolean)
  appendFileSync(log, JSON.stringify(pieces) + '\n')
  let executed = 0
  try {
    for (const piece of pieces) {
      await prisma.$executeRawUnsafe(piece)
      executed++
    }
    return { success: true, executed }
  } catch (error) {
    return { success: false, executed, error: error.message }
  }
}

function handle(event) {
  if (event.action !== 'run-sql') throw new Error(`no such action: ${event.action}`)
  return runSql(event.sql)
}

function timeUp() {
  let timer
  const promise = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Task timed out after ${seconds} seconds`)), seconds * 1000)
  })
  return { promise, clear: () => clearTimeout(timer) }
}

createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const limit = timeUp()
  try {
    const event = JSON.parse(Buffer.concat(chunks).toString())
    response.end(JSON.stringify(await Promise.race([handle(event), limit.promise])))
  } catch (error) {
    response.statusCode = 500
    response.end(JSON.stringify({ errorMessage: error.message, errorType: 'Error' }))
  } finally {
    limit.clear()
  }
}).listen(socket, () => console.log('ready'))

process.on('SIGTERM', () => process.exit())
