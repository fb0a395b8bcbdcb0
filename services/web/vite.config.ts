import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// `npm run dev` against an API process on its default port.
const api = 'http://127.0.0.1:8000'

export default defineConfig({
  base: '/',
  plugins: [vue()],
  build: {
    // Street workers' phones: WebViews of 2021 and later.
    target: ['chrome90', 'safari14.1', 'firefox90'],
    cssTarget: ['chrome90', 'safari14.1', 'firefox90'],
    // `img-src data:` is allowed by the server's policy, but fonts and scripts as data: are not.
    assetsInlineLimit: (file) => (file.endsWith('.svg') ? undefined : false),
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      // Pages that open by a link, without a sign-in, are apart: a telephone in a stairwell loads a third.
      input: { index: 'index.html', responder: 'responder.html', handover: 'handover.html', family: 'family.html', visits: 'visits.html' },
    },
  },
  server: {
    proxy: { '/api': { target: api, ws: true }, '/n/': { target: api } },
  },
})
