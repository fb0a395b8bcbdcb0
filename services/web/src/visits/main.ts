import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import 'element-plus/theme-chalk/el-input.css'
import '../ui/tokens.css'
import '../family/family.css'
import { createApp } from 'vue'
import { followOtherTabs, restore } from '../signin/session'
import { startClock } from '../time/now'
import { applyTheme } from '../ui/theme'
import VisitorApp from './VisitorApp.vue'

applyTheme()
startClock()
followOtherTabs()
restore()
createApp(VisitorApp).mount('#app')
