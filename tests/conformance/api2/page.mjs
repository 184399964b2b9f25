// What a site would write around Uppy: it uploads one file and shows what came of it.
import Uppy from '@uppy/core'
import Transloadit from '@uppy/transloadit'
import { createTokenSource } from '../../../clients/browser/token-source.js'

const SEEN = ['assembly-created', 'assembly-executing', 'upload', 'result', 'complete', 'assembly-error', 'assembly-cancelled']

// `options`: what a site has at hand; `options_url`: where its own server makes them for each upload; `broker`: where the
// token source has them made. Without a `service` it is the site that stands before api2.
window.run = async ({ service, options, options_url, broker, content, cancel }) => {
  const source = broker && createTokenSource({ url: broker, identity: 'a.b.c' })
  const assemblyOptions = options ?? source?.assemblyOptions('note') ?? (async () => (await fetch(options_url)).json())
  const uppy = new Uppy().use(Transloadit, {
    service: service ?? location.origin, assemblyOptions, waitForEncoding: true, errorReporting: false, retryDelays: [50, 50],
  })
  const events = []
  for (const name of SEEN) uppy.on(`transloadit:${name}`, () => events.push(name))
  if (cancel) uppy.on('transloadit:assembly-executing', () => uppy.cancelAll())
  const cancelled = new Promise((resolve) => uppy.on('transloadit:assembly-cancelled', resolve))
  uppy.addFile({ name: 'note.txt', type: 'text/plain', data: new Blob([content]) })
  const uploaded = uppy.upload().then(
    ({ successful, failed, transloadit }) => ({
      uploaded: successful.length, failed: failed.map((file) => file.error), assembly: transloadit?.[0],
    }),
    ({ message, details, code, cause }) => ({ error: { message, details, code, cause: cause?.message } }),
  )
  // An upload that is cancelled may never settle.
  const told = cancel ? { assembly: await cancelled } : await uploaded
  document.querySelector('#result').textContent = told.error?.message ?? told.failed?.[0] ?? told.assembly.ok
  return { ...told, events }
}
