// Calls a method of Transloadit's own client for each line of JSON, and answers with what came of it. A stream is read to
// its end, at most a thousand items of it.
import { Readable } from 'node:stream'
import { createInterface } from 'node:readline'

const { Transloadit } = await import(process.argv[2])

for await (const line of createInterface({ input: process.stdin })) {
  const { options, method, given } = JSON.parse(line)
  let told
  try {
    const answer = await new Transloadit(options)[method](...given)
    told = { answer: answer instanceof Readable ? await answer.take(1000).toArray() : (answer ?? null) }
  } catch (error) {
    const { name, code, message } = error
    told = { refused: { name, code, message, status: error.cause?.response?.statusCode } }
  }
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
