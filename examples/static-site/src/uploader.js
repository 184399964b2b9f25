// The first way: Uppy's Dashboard, with a signature of the broker for each upload.
import Uppy from '@uppy/core'
import Dashboard from '@uppy/dashboard'
import Transloadit from '@uppy/transloadit'

/** `assemblyOptions` is the one line that differs from the vendor's guide: `source.assemblyOptions('avatar')`. */
export function showUploader(target, assemblyOptions, service, { onStart, onRefused, onResults }) {
  const uppy = new Uppy({ restrictions: { allowedFileTypes: ['image/*'], maxNumberOfFiles: 5, maxTotalFileSize: 100e6 } })
    .use(Dashboard, {
      target, inline: true, width: '100%', height: 300, theme: 'auto', proudlyDisplayPoweredByUppy: false,
      doneButtonHandler: () => uppy.clear(),
      note: 'Up to five pictures, at most 100 MB together',
    })
    .use(Transloadit, { assemblyOptions, service, waitForEncoding: true })
  uppy.on('upload', () => onStart())
  uppy.on('error', (error) => onRefused(error))
  uppy.on('transloadit:complete', ({ results }) => onResults(results.resized))
  keepErrorsHere(uppy)
  nameTheList(document.querySelector(target))
}

/** Uppy tells another host of each error, whatever `errorReporting` says. This site's Content-Security-Policy admits none. */
function keepErrorsHere(uppy) {
  uppy.getPlugin('Transloadit').client.submitError = async () => {}
}

/** A Dashboard with one file has a list item without a list, which a screen reader does not read as one. */
function nameTheList(dashboard) {
  const name = () => dashboard.querySelector('.uppy-Dashboard-files')?.setAttribute('role', 'list')
  new MutationObserver(name).observe(dashboard, { childList: true, subtree: true })
}
