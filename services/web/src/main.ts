import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import 'element-plus/theme-chalk/el-dialog.css'
import 'element-plus/theme-chalk/el-input.css'
import 'element-plus/theme-chalk/el-overlay.css'
import './ui/tokens.css'
import { createApp } from 'vue'
import App from './App.vue'
import { followOtherTabs, restore } from './signin/session'
import { enableSoundOnFirstTouch } from './sound/speaker'
import { startClock } from './time/now'
import { applyTheme } from './ui/theme'

applyTheme()
startClock()
enableSoundOnFirstTouch()
followOtherTabs()
restore()
createApp(App).mount('#app')
