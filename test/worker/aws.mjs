// Stands in for `aws lambda invoke`: sends the payload to worker.mjs, which
// listens at $WORKER_SOCKET, and behaves as the real one towards its caller.
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'function-name': { type: 'string' },
    payload: { type: 'string' },
    'cli-connect-timeout': { type: 'string' },
    'cli-read-timeout': { type: 'string', default: '60' },
  },
})
const [service, operation, outfile] = positionals

function fail(message) {
  console.error(`\n${message}`)
  process.exit(255)
}

if (service !== 'lambda' || operation !== 'invoke' || !outfile) fail('aws: not lambda invoke')
if (!values.payload?.startsWith('fileb://')) fail('Invalid base64')
const payload = readFileSync(values.payload.slice('fileb://'.length))
if (payload.length > 6291456) fail('An error occurred (RequestEntityTooLargeException) when calling the Invoke operation')
if (values['function-name'] !== 'worker') {
  fail(`An error occurred (ResourceNotFoundException) when calling the Invoke operation: Function not found: ${values['function-name']}`)
}
// The real one would send a call that was not answered again.
if (process.env.AWS_MAX_ATTEMPTS !== '1') fail('aws: would retry')

const call = request({ socketPath: process.env.WORKER_SOCKET, method: 'POST' }, async (response) => {
  const chunks = []
  for await (const chunk of response) chunks.push(chunk)
  writeFileSync(outfile, Buffer.concat(chunks))
  const metadata = { StatusCode: 200, ExecutedVersion: '$LATEST' }
  if (response.statusCode !== 200) metadata.FunctionError = 'Unhandled'
  console.log(JSON.stringify(metadata))
  process.exit()
})
call.on('error', (error) => fail(`Could not connect to the endpoint URL: ${error.message}`))
setTimeout(() => fail('Read timeout on endpoint URL: "https://lambda.example/"'), values['cli-read-timeout'] * 1000)
call.end(payload)
