import Uppy from '@uppy/core'
import Dashboard from '@uppy/react/dashboard'
import Transloadit from '@uppy/transloadit'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createTokenSource } from 'transloadit-token-broker-client'
import '@uppy/core/css/style.min.css'
import '@uppy/dashboard/css/style.min.css'
import { broker, credential, identity, service } from '../site.js'

// Made once, outside of all components: a render makes no new one.
const source = createTokenSource({ url: broker, identity, credential })

const makeUppy = () =>
  new Uppy().use(Transloadit, { service, waitForEncoding: true, assemblyOptions: source.assemblyOptions('avatar') })

function Upload() {
  const [uppy] = useState(makeUppy)
  return <Dashboard uppy={uppy} />
}

createRoot(document.querySelector('#app')).render(<Upload />)
