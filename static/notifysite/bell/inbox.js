// What is in a person's inbox, kept up to date: the API is the truth, a socket only hints.

const SUBPROTOCOL = "notifysite.inbox";
const LOGGED_OUT = 4401;
const PING_MS = 25_000;
const PATIENCE_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;
const REFUSALS_UNTIL_POLLING = 2;

// Tells by events: "change" (look again), "arrived" ({items}), "line" (whether it is live)
// and "ended" (log in again).
export class Inbox extends EventTarget {
  items = new Map();
  unread = 0;
  more = null;
  #toldUnread = 0;
  #options;
  #seq = null;
  #running = false;
  #socket = null;
  #live = false;
  #refusals = 0;
  #syncing = null;
  #again = false;
  #turn = Promise.resolve();
  #timers = {};

  // {api, socket, token, renew, poll}: two URLs, a token or "" for a session, how to get a new
  // token, and how many seconds lie between looks where no socket gets through.
  constructor(options) {
    super();
    this.#options = options;
  }

  get visible() {
    const now = Date.now();
    return [...this.items.values()]
      .filter((item) => !item.archived_at && !(Date.parse(item.snoozed_until) > now))
      .filter((item) => !(Date.parse(item.expires_at) <= now))
      .sort((one, other) => other.seq - one.seq);
  }

  async start() {
    this.#running = true;
    document.addEventListener("visibilitychange", this.#returned);
    window.addEventListener("online", this.#returned);
    await this.load().catch(() => this.#poll());
    this.#connect();
  }

  stop() {
    this.#running = false;
    document.removeEventListener("visibilitychange", this.#returned);
    window.removeEventListener("online", this.#returned);
    Object.values(this.#timers).forEach(clearTimeout);
    this.#socket?.close();
  }

  async load() {
    const page = await this.#ask("?limit=25");
    if (this.#knowsBetterThan(page)) return;
    this.items = new Map(page.results.map((item) => [item.id, item]));
    this.more = page.next;
    this.#stands(page);
  }

  async loadMore() {
    if (!this.more) return;
    const page = await this.#ask(new URL(this.more, this.#options.api).search);
    page.results.forEach((item) => this.items.set(item.id, item));
    this.more = page.next;
    this.#tell("change");
  }

  // Everything that changed since we last looked, however many pages that is.
  sync() {
    if (this.#syncing) {
      this.#again = true;
      return this.#syncing;
    }
    this.#syncing = this.#catchUp()
      .catch(() => this.#poll())
      .finally(() => {
        this.#syncing = null;
        if (this.#again) {
          this.#again = false;
          this.sync();
        }
      });
    return this.#syncing;
  }

  // "read", "unread", "archive", "unarchive", "seen", "unsnooze", and "snooze" until a time: shown at
  // once, taken back if it fails.
  async mark(change, ids, until) {
    if (!ids.length) return;
    const now = new Date().toISOString();
    ids.forEach((id) => this.#change(this.items.get(id), change, now, until));
    this.#tell("change");
    await this.#send(change, until ? { ids, until } : { ids });
  }

  // An action of an item is done, once and for all.
  async act(item, index) {
    const answer = await this.#ask(`/${item.id}/actions/${index}/done`, { method: "POST" });
    const counted = isUnread(this.items.get(answer.id) ?? answer);
    this.items.set(answer.id, answer);
    this.unread = Math.max(0, this.unread + isUnread(answer) - counted);
    this.#tell("change");
    await this.sync();
  }

  async markAllRead() {
    const now = new Date().toISOString();
    this.visible.forEach((item) => this.#change(item, "read", now));
    this.unread = 0;
    this.#tell("change");
    await this.#send("read", { all: true, up_to: this.#seq });
  }

  #change(item, change, now, until) {
    if (!item) return;
    const counted = isUnread(item);
    const changed = {
      seen: { seen_at: item.seen_at ?? now },
      read: { read_at: now, seen_at: item.seen_at ?? now },
      unread: { read_at: null },
      archive: { archived_at: now },
      unarchive: { archived_at: null },
      snooze: { snoozed_until: until, read_at: null, seen_at: item.seen_at ?? now },
      unsnooze: { snoozed_until: null },
    }[change];
    // Beside what is shown stays what the API told, to be shown again if it fails.
    const shown = { ...item, ...changed, told: item.told ?? item };
    this.items.set(item.id, shown);
    this.unread = Math.max(0, this.unread + isUnread(shown) - counted);
  }

  #keep(ids) {
    ids.forEach((id) => delete this.items.get(id)?.told);
  }

  #takeBack() {
    this.items.forEach((item, id) => this.items.set(id, item.told ?? item));
    this.unread = this.#toldUnread;
    this.#tell("change");
  }

  async #send(change, body) {
    // One after the other: what is taken back at once must not arrive before what it takes back.
    const turn = this.#turn.then(() => this.#ask(`/${change}`, { method: "POST", body: JSON.stringify(body) }));
    this.#turn = turn.catch(() => {});
    try {
      const answer = await turn;
      this.#keep(body.ids ?? [...this.items.keys()]);
      if (!this.#knowsBetterThan(answer)) this.unread = this.#toldUnread = answer.unread;
      this.#tell("change");
    } catch (error) {
      this.#takeBack();
      await this.load().catch(() => this.#poll());
      throw error;
    }
  }

  async #catchUp() {
    if (this.#seq === null) return this.load();
    const before = this.#seq;
    let page = await this.#ask(`?since=${before}&limit=100`);
    const changed = [...page.results];
    const head = page;
    while (page.next) {
      page = await this.#ask(new URL(page.next, this.#options.api).search);
      changed.push(...page.results);
    }
    // What was stored while we read is in the answer already.
    const reached = Math.max(head.seq, ...changed.map((item) => item.changed_seq));
    if (this.#knowsBetterThan({ seq: reached })) return;
    changed.forEach((item) => this.items.set(item.id, item));
    this.#stands({ ...page, seq: reached });
    const fresh = changed.filter((item) => item.seq > before && isUnread(item));
    if (fresh.length) this.#tell("arrived", { items: fresh });
  }

  // Answers may overtake each other: an older one must not undo a newer one.
  #knowsBetterThan({ seq }) {
    return this.#seq !== null && seq < this.#seq;
  }

  #stands({ seq, unread }) {
    this.#seq = seq;
    this.unread = this.#toldUnread = unread;
    this.#tell("change");
  }

  async #ask(path, options = {}, retried = false) {
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    if (this.#options.token) headers.Authorization = `Bearer ${this.#options.token}`;
    else headers["X-CSRFToken"] = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
    const credentials = this.#options.token ? "omit" : "same-origin";
    const answer = await fetch(this.#options.api + path, { ...options, headers, credentials });
    if (answer.status === 401 && !retried && (await this.#renewed())) {
      return this.#ask(path, options, true);
    }
    if (!answer.ok) throw new Error(`inbox: ${answer.status}`);
    return answer.json();
  }

  // Whether there is a new token; without one the person is logged out. Rejects where it cannot be
  // asked for just now.
  async #renewed() {
    const token = await this.#options.renew?.();
    if (token) {
      this.#options.token = token;
      return true;
    }
    this.stop();
    this.#tell("ended");
    return false;
  }

  #connect() {
    if (!this.#running) return;
    const token = this.#options.token;
    try {
      this.#socket = new WebSocket(this.#options.socket, [SUBPROTOCOL, ...(token ? [token] : [])]);
    } catch {
      this.#refused();
      return;
    }
    this.#socket.onmessage = (event) => this.#heard(JSON.parse(event.data));
    this.#socket.onclose = (event) => this.#closed(event.code);
  }

  #heard(message) {
    clearTimeout(this.#timers.patience);
    if (message.type === "hello") {
      this.#line(true);
      this.#refusals = 0;
      clearTimeout(this.#timers.poll);
      this.#ping();
    }
    if (message.type !== "hello" && message.type !== "hint") return;
    if (message.seq !== this.#seq) this.sync();
    else if (message.unread !== this.unread) this.load().catch(() => this.#poll());
  }

  async #closed(code) {
    clearTimeout(this.#timers.ping);
    clearTimeout(this.#timers.patience);
    if (!this.#running) return;
    const ended = code === LOGGED_OUT && !(await this.#renewed().catch(() => true));
    if (!ended) this.#refused();
  }

  #refused() {
    this.#line(false);
    this.#refusals += 1;
    if (this.#refusals === REFUSALS_UNTIL_POLLING) this.#poll();
    const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.#refusals);
    // Not all tabs at once when a server comes back.
    this.#timers.connect = setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2));
  }

  // A line that died without a word is noticed by a ping that nobody answers.
  #ping() {
    clearTimeout(this.#timers.ping);
    this.#timers.ping = setTimeout(() => {
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      this.#socket.send('{"type": "ping"}');
      this.#timers.patience = setTimeout(() => this.#socket.close(), PATIENCE_MS);
      this.#ping();
    }, PING_MS);
  }

  #poll() {
    clearTimeout(this.#timers.poll);
    this.#timers.poll = setTimeout(() => {
      if (!this.#running) return;
      if (!document.hidden) this.sync();
      if (!this.#live) this.#poll();
    }, this.#options.poll * 1000);
  }

  #line(live) {
    this.#live = live;
    this.#tell("line", live);
  }

  #returned = () => {
    if (!document.hidden && this.#running) this.sync();
  };

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

function isUnread(item) {
  return !item.read_at && !item.archived_at && !(Date.parse(item.snoozed_until) > Date.now());
}
