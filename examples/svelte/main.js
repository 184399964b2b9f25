import { mount } from 'svelte'
import '@uppy/core/css/style.min.css'
import '@uppy/dashboard/css/style.min.css'
import App from './App.svelte'

mount(App, { target: document.querySelector('#app') })
