// Calls a function of Transloadit's own signer for each line of JSON, and answers with what came of it.
import { createInterface } from 'node:readline'

const signer = { ...(await import('@transloadit/utils')), ...(await import('@transloadit/utils/node')) }

for await (const line of createInterface({ input: process.stdin })) {
  const { name, given } = JSON.parse(line)
  let told
  try {
    told = { answer: await signer[name](...given) }
  } catch (error) {
    told = { refused: error.message }
  }
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
