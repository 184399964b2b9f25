// Chromium for a test: it resolves the names that it is given, as `MAP name address`, and no others.
import { chromium } from 'playwright-core'

export const launch = (executablePath, names) =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      `--host-resolver-rules=${[...names, 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1']}`,
    ],
  })
