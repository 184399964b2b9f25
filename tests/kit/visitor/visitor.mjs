// A person at a page: each line of JSON is something that the person does or looks at, and its answer is another.
// After the browser come the names that it resolves.
import { createInterface } from 'node:readline'
import axe from 'axe-core'
import { launch } from '../../conformance/api2/launch.mjs'

const [executablePath, ...names] = process.argv.slice(2)
const browser = await launch(executablePath, names)
let page, complaints, elsewhere, asked

const orders = {
  // A window of its own, as of somebody who was never here.
  async open({ url, width = 1000, height = 900, dark = false, init }) {
    await page?.context().close()
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce',
    })
    context.setDefaultTimeout(60_000)
    page = await context.newPage()
    complaints = []
    elsewhere = []
    asked = []
    // The console has errors of scripts, and each violation of the Content-Security-Policy.
    page.on('console', (message) => message.type() === 'error' && complaints.push(`${message.text()} ${message.location().url}`))
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('request', (request) => {
      const { protocol, hostname, pathname } = new URL(request.url())
      asked.push(`${request.method()} ${pathname}`)
      if (protocol.startsWith('http') && !['127.0.0.1', 'localhost'].includes(hostname)) elsewhere.push(request.url())
    })
    if (init) await page.addInitScript(init)
    await page.goto(url)
  },
  reload: () => page.reload().then(() => {}),
  click: ({ name, role = 'button' }) => page.getByRole(role, { name }).click(),
  press: ({ keys }) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve()),
  // A person sees the button and gets a window for files; a test fills the input below it.
  choose: ({ selector, files }) => page.setInputFiles(selector, files),
  see: ({ text }) => page.getByText(text).first().waitFor(),
  // How many of a picture's pixels are there says whether it was loaded.
  pictures: ({ count }) => page.waitForFunction(
    (wanted) => {
      const found = [...document.querySelectorAll('#wall img')]
      return found.length === wanted && found.every((image) => image.naturalWidth > 1) && found.map((image) => image.src)
    },
    count,
  ).then((found) => found.jsonValue()),
  text: ({ selector }) => page.locator(selector).first().innerText(),
  focused: () => page.evaluate(() => document.activeElement.innerText || document.activeElement.id),
  shot: ({ path }) => page.screenshot({ path, animations: 'disabled' }),
  // Whether the page is wider than its window, as a phone would show it.
  overflows: () => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth),
  async axe() {
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate(() => window.axe.run())
    return violations.map(({ id, impact, nodes }) => `${impact}: ${id} at ${nodes.map(({ html }) => html).join(' ')}`)
  },
  asked: async ({ call }) => asked.filter((each) => each === call).length,
  found: async () => ({ complaints, elsewhere }),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...given } = JSON.parse(line)
  const answer = await orders[order](given).then((value) => ({ value }), ({ message }) => ({ broken: message }))
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await browser.close()
