// The second way, without Uppy: `fetch` with a bearer token makes an Assembly, and a tus client sends the file.
import { Upload } from 'tus-js-client'

const STEPS = { ':original': { robot: '/upload/handle' }, resized: { robot: '/image/resize', use: ':original', width: 400 } }
const EACH = 1000 // milliseconds between two looks at an Assembly that executes

/** The results of the Assembly. `send` is the token source's `fetch`; `onProgress` gets percents. */
export async function uploadByToken(send, api2, file, onProgress) {
  const form = new FormData()
  form.set('params', JSON.stringify({ steps: STEPS }))
  form.set('num_expected_upload_files', '1')
  const assembly = await ask(send, `${api2}/assemblies`, { method: 'POST', body: form })
  await sendFile(assembly, file, onProgress)
  return (await completed(send, assembly.assembly_ssl_url)).results.resized
}

function sendFile(assembly, file, onProgress) {
  return new Promise((resolve, reject) => {
    new Upload(file, {
      endpoint: assembly.tus_url,
      metadata: { assembly_url: assembly.assembly_ssl_url, filename: file.name, fieldname: 'file', filetype: file.type },
      storeFingerprintForResuming: false,
      onProgress: (sent, whole) => onProgress((sent / whole) * 100),
      onSuccess: resolve,
      onError: reject,
    }).start()
  })
}

async function completed(send, url) {
  for (;;) {
    const assembly = await ask(send, url)
    if (assembly.ok === 'ASSEMBLY_COMPLETED') return assembly
    await new Promise((resolve) => setTimeout(resolve, EACH))
  }
}

async function ask(send, url, options) {
  const answer = await send(url, options)
  const members = await answer.json()
  if (!answer.ok || members.error) throw Object.assign(new Error(members.message ?? answer.statusText), { code: members.error })
  return members
}
