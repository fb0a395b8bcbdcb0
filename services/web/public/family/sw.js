// Shows messages while the page is closed. Nothing is kept: an alert of yesterday must not look like one of now.

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('push', (event) => event.waitUntil(show(read(event))))

function read(event) {
  try {
    return event.data.json()
  } catch {
    return {}
  }
}

async function show(message) {
  // A push without a notification makes browsers take the permission away: so there is always one.
  const title = message.title || '安护'
  const urgent = message.severity === 'red' || message.severity === 'orange'
  await self.registration.showNotification(title, {
    body: message.body || '有新消息，点开查看',
    // What comes later about the same alert takes the place of what is shown, and sounds again.
    tag: message.tag || 'anhu',
    renotify: true,
    requireInteraction: urgent,
    vibrate: urgent ? [400, 200, 400, 200, 400] : [200],
    lang: 'zh-CN',
    icon: '/family/icon-192.png',
    badge: '/family/icon-192.png',
    data: { url: message.url || '/family/', key: message.key || '' },
  })
  const link = ours(message.url)
  // It lies on the screen now: told to whoever sent it, who else would try another way.
  if (link) await fetch(`${link.pathname}/shown`, { method: 'POST' }).catch(() => undefined)
}

/** A link of this server; of another one nothing is told or opened. */
function ours(url) {
  try {
    const link = new URL(url, self.location.origin)
    return link.origin === self.location.origin && link.pathname.startsWith('/n/') ? link : null
  } catch {
    return null
  }
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data?.url))
})

async function open(url) {
  const link = ours(url)
  const to = link ? link.href : `${self.location.origin}/family/`
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages.find((each) => new URL(each.url).pathname.startsWith('/family'))
  if (page) {
    await page.focus().catch(() => undefined)
    const moved = await page.navigate(to).catch(() => null)
    if (moved) return
  }
  await self.clients.openWindow(to)
}
