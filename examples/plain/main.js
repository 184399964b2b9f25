import Uppy from '@uppy/core'
import Dashboard from '@uppy/dashboard'
import Transloadit from '@uppy/transloadit'
import { createTokenSource } from 'transloadit-token-broker-client'
import '@uppy/core/css/style.min.css'
import '@uppy/dashboard/css/style.min.css'
import { broker, credential, identity, service } from '../site.js'

const source = createTokenSource({ url: broker, identity, credential })

new Uppy()
  .use(Dashboard, { target: '#app', inline: true })
  .use(Transloadit, { service, waitForEncoding: true, assemblyOptions: source.assemblyOptions('avatar') })
