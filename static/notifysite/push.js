// Browser notifications, for pages of this site:
//
//   import { state, subscribe, unsubscribe } from "/static/notifysite/push.js";
//   await subscribe({ label: "Laptop" });             // the session says who
//   await subscribe({ token: "rt_…" });               // or a recipient's token
//
// Call subscribe() from a click: browsers ask for permission only then.

const WORKER = "/sw.js";
const KEY_URL = "/api/v1/push/key";
const DEVICES_URL = "/api/v1/me/devices";
const MEMORY = "notifysite-push"; // also in sw.js
const SUBSCRIPTION = "/notifysite-push/subscription";
const DEVICE = "/notifysite-push/device";

export class Refused extends Error {}

// "unsupported", "denied", "off" or "on".
export async function state() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    return "unsupported";
  }
  if (Notification.permission === "denied") return "denied";
  return (await current()) ? "on" : "off";
}

// Ask for permission, subscribe this browser, and tell the server whose it is.
export async function subscribe(options = {}) {
  if ((await state()) === "unsupported") throw new Refused("This browser cannot do it.");
  if ((await Notification.requestPermission()) !== "granted") {
    throw new Refused("Notifications are not allowed for this site.");
  }
  const registration = await navigator.serviceWorker.register(WORKER, { scope: "/" });
  await navigator.serviceWorker.ready;
  const subscription = await withOurKey(registration.pushManager);
  const answer = await call("POST", DEVICES_URL, options, {
    channel: "web_push",
    subscription: subscription.toJSON(),
    ...(options.label ? { label: options.label } : {}),
  });
  const device = await answer.json();
  await remember(SUBSCRIPTION, subscription.toJSON());
  await remember(DEVICE, device);
  return device;
}

// Take this browser away from the person, here and on the server.
export async function unsubscribe(options = {}) {
  const subscription = await current();
  const device = await recall(DEVICE);
  if (subscription) await subscription.unsubscribe();
  await caches.delete(MEMORY);
  if (device) await call("DELETE", `${DEVICES_URL}/${device.id}`, options);
}

async function current() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return registration ? registration.pushManager.getSubscription() : null;
}

// A subscription for another key of the server's can never be sent to again.
async function withOurKey(manager) {
  const { public_key: key } = await (await fetch(KEY_URL)).json();
  const there = await manager.getSubscription();
  if (there && base64url(there.options.applicationServerKey) === key) return there;
  if (there) await there.unsubscribe();
  return manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

function base64url(buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function call(method, url, { token }, body) {
  const headers = token
    ? { Authorization: `Bearer ${token}` }
    : { "X-CSRFToken": cookie("csrftoken") };
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {
    method,
    headers,
    credentials: token ? "omit" : "same-origin",
    body: body && JSON.stringify(body),
  });
  if (!answer.ok && answer.status !== 404) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(problem.detail || `The server answered ${answer.status}.`);
  }
  return answer;
}

function cookie(name) {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

async function remember(name, value) {
  const memory = await caches.open(MEMORY);
  await memory.put(name, new Response(JSON.stringify(value)));
}

async function recall(name) {
  const found = await (await caches.open(MEMORY)).match(name);
  return found ? found.json() : null;
}
