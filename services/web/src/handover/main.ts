import './sheet.css'
import { createApp } from 'vue'
import HandoverPage from './HandoverPage.vue'

createApp(HandoverPage, { token: location.pathname.split('/')[2] ?? '' }).mount('#app')
