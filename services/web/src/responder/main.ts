import '../ui/tokens.css'
import { createApp } from 'vue'
import ResponderPage from './ResponderPage.vue'

if (matchMedia('(prefers-color-scheme: dark)').matches) document.documentElement.classList.add('dark')
createApp(ResponderPage, { token: location.pathname.split('/')[2] ?? '' }).mount('#app')
