// <notifysite-bell>: a bell with a count, the inbox behind it, and a toast for what just arrived.
//
//   <script type="module" src="https://your-notifysite/static/notifysite/bell.js"></script>
//   <notifysite-bell token="rt_…"></notifysite-bell>
//
// token        a recipient token; without one the session of this site is used
// token-url    where this page gets a new one: answers {"token": "rt_…"}; or set the `renew`
//              property to a function that does; no token means logged out, an error or a 5xx that it
//              is asked for again later
// lang         en or de; otherwise the page's language
// preferences  address of the preference centre; history  address of all notifications
// poll         seconds between looks where no WebSocket gets through (30)

import { ICONS, icon, make, webUrl } from "./bell/dom.js";
import { Inbox } from "./bell/inbox.js";
import sheet from "./bell/look.js";
import { row } from "./bell/row.js";
import { wordsFor } from "./bell/words.js";

const TOAST_MS = 8000;
const MOST_TOASTS = 3;
const EDGE = 8; // pixels between the panel and the window's edge

class NotifysiteBell extends HTMLElement {
  static observedAttributes = ["token"];
  renew = null;
  #inbox = null;
  #words = wordsFor("en");
  #onlyUnread = false;
  #choosing = ""; // the item of which somebody says when to see it again
  #parts = {};

  connectedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.#words = wordsFor(this.#language);
    root.replaceChildren(...this.#build());
    document.addEventListener("pointerdown", this.#elsewhere);
    this.#open();
  }

  disconnectedCallback() {
    document.removeEventListener("pointerdown", this.#elsewhere);
    this.#inbox?.stop();
  }

  attributeChangedCallback(name, before, after) {
    if (this.#inbox && before !== after) this.#open();
  }

  get #language() {
    return this.lang || document.documentElement.lang || navigator.language;
  }

  #open() {
    this.#inbox?.stop();
    const base = new URL("/", import.meta.url);
    const socket = new URL("/ws/inbox/", base);
    socket.protocol = base.protocol.replace("http", "ws");
    this.#inbox = new Inbox({
      api: new URL("/api/v1/inbox", base).href,
      socket: socket.href,
      token: this.getAttribute("token") ?? "",
      renew: () => (this.renew ? this.renew() : this.#fetchToken()),
      poll: Number(this.getAttribute("poll")) || 30,
    });
    this.#inbox.addEventListener("change", () => this.#show());
    this.#inbox.addEventListener("arrived", (event) => this.#arrived(event.detail));
    this.#inbox.addEventListener("line", (event) => this.toggleAttribute("data-live", event.detail));
    this.#inbox.addEventListener("ended", () => this.#notice(this.#words.ended));
    this.#inbox.start();
  }

  async #fetchToken() {
    const url = this.getAttribute("token-url");
    if (!url) return null;
    const answer = await fetch(url, { credentials: "same-origin", cache: "no-store" });
    if (answer.status >= 500) throw new Error(`token: ${answer.status}`);
    return answer.ok ? (await answer.json()).token : null;
  }

  #build() {
    const words = this.#words;
    const part = this.#parts;
    part.count = make("span", { className: "count", hidden: true, "aria-hidden": "true" });
    part.bell = make(
      "button",
      { className: "bell", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false",
        "aria-label": words.label(0), onclick: () => this.#toggle() },
      icon(ICONS.bell), part.count,
    );
    part.list = make("ul", { className: "list" });
    part.empty = make("p", { className: "empty" });
    part.all = this.#pill(words.all, false);
    part.unread = this.#pill(words.unread, true);
    part.readAll = make("button", { className: "link", type: "button", textContent: words.readAll,
      onclick: () => this.#try(this.#inbox.markAllRead()) });
    part.more = make("button", { className: "link", type: "button", textContent: words.more,
      onclick: () => this.#try(this.#inbox.loadMore()) });
    part.foot = make("div", { className: "foot" }, part.more, this.#link("history", words.history));
    part.panel = make(
      "div",
      { className: "panel", role: "dialog", "aria-label": words.name, tabIndex: -1, hidden: true,
        onkeydown: (event) => this.#pressed(event),
        onfocusout: (event) => event.relatedTarget && this.#elsewhere(event) },
      make("div", { className: "head" }, make("h2", { textContent: words.name }),
        this.#link("preferences", words.settings, ICONS.gear)),
      make("div", { className: "bar" }, part.all, part.unread,
        make("span", { className: "space" }), part.readAll),
      part.list, part.empty, part.foot,
    );
    part.live = make("div", { className: "hidden", "aria-live": "polite" });
    part.toasts = make("div", { className: "toasts", onkeydown: (event) => this.#pressed(event) });
    return [part.bell, part.panel, part.live, part.toasts];
  }

  #pill(text, onlyUnread) {
    return make("button", { className: "pill", type: "button", textContent: text,
      "aria-pressed": String(onlyUnread === this.#onlyUnread),
      onclick: () => { this.#onlyUnread = onlyUnread; this.#show(); } });
  }

  #link(attribute, text, drawing) {
    const url = this.hasAttribute(attribute) ? webUrl(this.getAttribute(attribute)) : null;
    if (!url) return null;
    if (!drawing) return make("a", { className: "link", href: url, textContent: text });
    return make("a", { className: "small", href: url, title: text, "aria-label": text }, icon(drawing));
  }

  #show() {
    const { bell, count, list, empty, readAll, more, all, unread } = this.#parts;
    const shown = this.#inbox.visible.filter((item) => !this.#onlyUnread || !item.read_at);
    const held = this.#focused();
    count.textContent = this.#inbox.unread > 99 ? "99+" : String(this.#inbox.unread);
    count.hidden = !this.#inbox.unread;
    bell.setAttribute("aria-label", this.#words.label(this.#inbox.unread));
    list.replaceChildren(...shown.map((item) => this.#item(item)));
    empty.hidden = shown.length > 0;
    empty.textContent = this.#onlyUnread ? this.#words.noneUnread : this.#words.empty;
    readAll.disabled = !this.#inbox.unread;
    more.hidden = !this.#inbox.more;
    all.setAttribute("aria-pressed", String(!this.#onlyUnread));
    unread.setAttribute("aria-pressed", String(this.#onlyUnread));
    this.#refocus(held);
  }

  #item(item) {
    return row(item, {
      words: this.#words,
      language: this.#language,
      choosing: this.#choosing === item.id,
      does: {
        read: () => this.#try(this.#inbox.mark("read", [item.id])),
        mark: (change) => this.#try(this.#inbox.mark(change, [item.id])),
        archive: () => this.#putAway("archive", "unarchive", item, this.#words.archived),
        choose: () => this.#choose(item),
        snooze: (_, until) => this.#putAway("snooze", "unsnooze", item, this.#words.snoozed(until, this.#language), until),
        done: (_, index) => this.#try(this.#inbox.act(item, index)),
      },
    });
  }

  #choose(item) {
    this.#choosing = this.#choosing === item.id ? "" : item.id;
    this.#show();
  }

  #putAway(change, back, item, text, until) {
    this.#choosing = "";
    this.#try(this.#inbox.mark(change, [item.id], until));
    this.#parts.panel.focus();
    const undo = () => this.#try(this.#inbox.mark(back, [item.id]));
    this.#notice(text, make("button", { className: "link", type: "button",
      textContent: this.#words.undo, onclick: undo }));
  }

  #toggle() {
    if (this.#parts.panel.hidden) this.#openPanel();
    else this.#closePanel();
  }

  #openPanel() {
    this.#parts.panel.hidden = false;
    this.#place();
    this.#parts.bell.setAttribute("aria-expanded", "true");
    this.#parts.toasts.replaceChildren();
    this.#parts.panel.focus();
    const unseen = this.#inbox.visible.filter((item) => !item.seen_at).map((item) => item.id);
    this.#try(this.#inbox.mark("seen", unseen));
  }

  // It ends where the bell ends; where a bell stands at the left, it begins at the edge of the window.
  #place() {
    const { bell, panel } = this.#parts;
    const missing = panel.offsetWidth + EDGE - bell.getBoundingClientRect().right;
    panel.style.setProperty("--shift", `${Math.max(0, missing)}px`);
  }

  #closePanel() {
    this.#parts.panel.hidden = true;
    this.#parts.bell.setAttribute("aria-expanded", "false");
  }

  #pressed(event) {
    if (event.key === "Escape") {
      this.#closePanel();
      this.#parts.toasts.replaceChildren();
      this.#parts.bell.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || this.#parts.panel.hidden) return;
    event.preventDefault();
    const rows = [...this.#parts.list.children];
    const here = rows.indexOf(this.shadowRoot.activeElement?.closest("li"));
    rows[Math.min(rows.length - 1, Math.max(0, here + step))]?.focus();
  }

  #elsewhere = (event) => {
    const to = event.type === "focusout" ? event.relatedTarget : null;
    const inside = to ? this.shadowRoot.contains(to) : event.composedPath().includes(this);
    if (!inside) this.#closePanel();
  };

  // The list is made anew with every change; whoever is in it stays where they are.
  #focused() {
    const active = this.shadowRoot.activeElement;
    const row = active?.closest("li");
    return row && { id: row.dataset.id, name: active.className };
  }

  #refocus(held) {
    if (!held) return;
    const row = [...this.#parts.list.children].find((one) => one.dataset.id === held.id);
    const same = row && [...row.querySelectorAll("*")].find((one) => one.className === held.name);
    (same ?? row ?? this.#parts.panel).focus();
  }

  #arrived({ items }) {
    const words = this.#words;
    const [first] = items;
    const text = items.length > 1 ? words.many(items.length) : words.arrived(first.title);
    this.#parts.live.textContent = text;
    this.dispatchEvent(new CustomEvent("notification", { detail: { items }, bubbles: true }));
    if (!this.#parts.panel.hidden) return;
    items.filter((item) => !item.silent).slice(-MOST_TOASTS).forEach((item) => this.#toast(item));
  }

  #toast(item) {
    const url = item.url && webUrl(item.url);
    const title = make(url ? "a" : "span", { className: "title", textContent: item.title });
    if (url) {
      Object.assign(title, { href: url, rel: "noopener noreferrer" });
      title.onclick = () => this.#try(this.#inbox.mark("read", [item.id]));
    }
    this.#pop(title, item.body ? make("div", { className: "text", textContent: item.body }) : null);
  }

  #notice(text, action) {
    this.#parts.live.textContent = text;
    this.#pop(make("span", { className: "title", textContent: text }), action);
  }

  #pop(...children) {
    const box = make("div", { className: "toast" });
    let timer = 0;
    const wait = () => { timer = setTimeout(() => box.remove(), TOAST_MS); };
    const close = make("button", { className: "small", type: "button", "aria-label": this.#words.close,
      onclick: () => box.remove() }, icon(ICONS.close));
    box.append(...children.filter(Boolean), close);
    // Whoever reads it, or is in it with the keyboard, is not hurried.
    for (const kind of ["pointerenter", "focusin"]) box.addEventListener(kind, () => clearTimeout(timer));
    for (const kind of ["pointerleave", "focusout"]) box.addEventListener(kind, wait);
    wait();
    this.#parts.toasts.append(box);
    while (this.#parts.toasts.children.length > MOST_TOASTS) this.#parts.toasts.firstChild.remove();
  }

  #try(promise) {
    Promise.resolve(promise).catch(() => this.#notice(this.#words.failed));
  }
}

customElements.define("notifysite-bell", NotifysiteBell);
