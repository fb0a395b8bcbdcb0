import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import 'element-plus/theme-chalk/el-input.css'
import '../ui/tokens.css'
import './family.css'
import { createApp } from 'vue'
import { followOtherTabs, restore } from '../signin/session'
import { startClock } from '../time/now'
import { applyTheme } from '../ui/theme'
import FamilyApp from './FamilyApp.vue'
import { registerWorker } from './push'

applyTheme()
startClock()
followOtherTabs()
restore()
void registerWorker()
createApp(FamilyApp).mount('#app')
