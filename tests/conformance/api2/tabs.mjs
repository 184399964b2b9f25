// Tabs of Chromium that live as long as a test wants. Each line of JSON is an order, and its answer is another.
// After the browser come the names that it resolves.
import { createInterface } from 'node:readline'
import { launch } from './launch.mjs'

const [executablePath, ...names] = process.argv.slice(2)
const browser = await launch(executablePath, names)
const tabs = []

// In the page: runs a script, the body of an async function, and says what it returned or threw.
const run = async ([script, given]) => {
  const AsyncFunction = (async () => {}).constructor
  try {
    return { value: (await new AsyncFunction('given', script)(given)) ?? null }
  } catch ({ name, message, code, status, requestId, retryAfter }) {
    return { thrown: { name, message, code, status, requestId, retryAfter } }
  }
}

const orders = {
  // A tab of a window of its own, or one of the same window as another (`beside`).
  async open({ url, beside, clock }) {
    const context = beside === undefined ? await browser.newContext() : tabs[beside].context()
    const page = await context.newPage()
    if (clock) await page.clock.install(clock)
    page.on('console', (message) => process.stderr.write(`${message.text()}\n`))
    await page.goto(url)
    return tabs.push(page) - 1
  },
  load: ({ tab, url }) => tabs[tab].goto(url).then(() => {}),
  run: ({ tab, script, given }) => tabs[tab].evaluate(run, [script, given]),
  clock: ({ tab, method, argument }) => tabs[tab].clock[method](argument),
  offline: ({ tab, offline }) => tabs[tab].context().setOffline(offline),
  // What this URL would answer is lost on the way, until it is let through.
  cut: ({ tab, url }) => tabs[tab].context().route(url, (route) => route.abort('connectionrefused')),
  restore: ({ tab, url }) => tabs[tab].context().unroute(url),
  close: ({ tab }) => tabs[tab].close(),
}

// A script that never ends would keep the next test, and the end of this browser, waiting for it.
const LIMIT = 45_000 // milliseconds
const silence = (order) => new Promise((resolve) => {
  setTimeout(resolve, LIMIT, { broken: `${order} did not end within ${LIMIT / 1000} seconds` }).unref()
})

for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...given } = JSON.parse(line)
  const done = orders[order](given).then((value) => ({ value }), ({ message }) => ({ broken: message }))
  const answer = await Promise.race([done, silence(order)])
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await browser.close()
