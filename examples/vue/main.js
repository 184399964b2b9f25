import { createApp } from 'vue'
import '@uppy/core/css/style.min.css'
import '@uppy/dashboard/css/style.min.css'
import App from './App.vue'

createApp(App).mount('#app')
