// Shows pushed notifications and opens what they are about. Served at /sw.js for the whole site.
"use strict";

const BADGE = "/static/notifysite/badge.png";
const KEY_URL = "/api/v1/push/key";
const RENEW_URL = "/api/v1/push/renew";
const MEMORY = "notifysite-push"; // also in push.js
const SUBSCRIPTION = "/notifysite-push/subscription";

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  event.waitUntil(show(read(event.data)));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url, actions } = event.notification.data;
  event.waitUntil(open(event.action ? actions[Number(event.action)] : url));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(renew(event.oldSubscription, event.newSubscription));
});

function read(data) {
  try {
    const said = data.json();
    return said !== null && typeof said === "object" ? said : { body: String(said) };
  } catch {
    return { body: data ? data.text() : "" };
  }
}

// Something is always shown: browsers take the permission away from a worker that stays silent.
function show(said) {
  const actions = [said.actions].flat().filter((one) => one && one.title);
  return self.registration.showNotification(said.title || self.location.host, {
    body: said.body || "",
    badge: web(said.badge) || BADGE,
    icon: web(said.icon) || BADGE,
    image: web(said.image),
    lang: said.lang || "",
    tag: said.tag || "",
    silent: said.silent === true,
    actions: actions.map(({ title }, number) => ({ action: String(number), title: String(title) })),
    data: { ...said.data, url: web(said.url), actions: actions.map(({ url }) => web(url)) },
  });
}

// The address where it is one of the web: never javascript:, data: or an app's own scheme.
function web(address) {
  try {
    const url = new URL(address, self.location.origin);
    return address && /^https?:$/.test(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

async function open(address) {
  const url = web(address) || `${self.location.origin}/`;
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = tabs.find((tab) => plain(tab.url) === plain(url));
  return there ? there.focus() : self.clients.openWindow(url);
}

function plain(address) {
  return address.split("#", 1)[0];
}

// A worker has no session: the old subscription's secrets tell the server who it is.
async function renew(before, after) {
  const memory = await caches.open(MEMORY);
  const kept = await memory.match(SUBSCRIPTION);
  const old = before ? before.toJSON() : kept && (await kept.json());
  const fresh = after || (await subscribe());
  if (!old || !fresh) return;
  const subscription = fresh.toJSON();
  const answer = await fetch(RENEW_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ old, subscription }),
  });
  if (answer.ok) await memory.put(SUBSCRIPTION, new Response(JSON.stringify(subscription)));
}

async function subscribe() {
  const { public_key: applicationServerKey } = await (await fetch(KEY_URL)).json();
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
}
