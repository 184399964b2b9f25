// For each line of JSON, Chromium opens a page and runs what it is for (`window.run`); the answer is what the page told, showed,
// and wanted elsewhere. After the browser come the names that it resolves.
import { createInterface } from 'node:readline'
import { launch } from './launch.mjs'

const [executablePath, ...names] = process.argv.slice(2)
const browser = await launch(executablePath, names)

for await (const line of createInterface({ input: process.stdin })) {
  const { url, given } = JSON.parse(line)
  const page = await browser.newPage()
  const elsewhere = []
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') elsewhere.push(request.url())
  })
  page.on('console', (message) => process.stderr.write(`${message.text()}\n`))
  await page.goto(url)
  const told = await page.evaluate((scenario) => window.run(scenario), given).catch(({ message }) => ({ broken: message }))
  const shown = await page.textContent('#result')
  await page.close()
  process.stdout.write(`${JSON.stringify({ ...told, shown, elsewhere })}\n`)
}
await browser.close()
