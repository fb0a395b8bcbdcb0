import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import 'element-plus/theme-chalk/el-dialog.css'
import 'element-plus/theme-chalk/el-input.css'
import 'element-plus/theme-chalk/el-overlay.css'
import './ui/tokens.css'
import './pages/pages.css'
import { createApp } from 'vue'
import App from './App.vue'
import { followAddress } from './pages/route'
import { followOtherTabs, restore } from './signin/session'
import { enableSoundOnFirstTouch } from './sound/speaker'
import { startClock } from './time/now'
import { applyTheme } from './ui/theme'

applyTheme()
startClock()
followAddress()
enableSoundOnFirstTouch()
followOtherTabs()
restore()
createApp(App).mount('#app')
