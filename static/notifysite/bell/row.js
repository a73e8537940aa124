// One row of the list: an item with its actions and its tools.

import { ICONS, icon, make, webUrl } from "./dom.js";
import { ago, times } from "./words.js";

// `does` says what each thing a person may do leads to: read(item), mark(change, item), archive(item),
// choose(item) (when to see it again), snooze(item, until) and done(item, index).
export function row(item, { words, language, choosing, does }) {
  const url = item.url && webUrl(item.url);
  const title = make(url ? "a" : "span", { className: "title", textContent: item.title });
  if (url) {
    Object.assign(title, { href: url, rel: "noopener noreferrer" });
    title.onclick = () => does.read(item);
  }
  const actions = item.actions.map((action, index) => button(item, action, index, words, language, does));
  return make(
    "li",
    { className: item.read_at ? "item" : "item new", tabIndex: -1, "data-id": item.id },
    make("span", { className: "dot" }),
    title,
    item.body ? make("div", { className: "text", textContent: item.body }) : null,
    actions.length ? make("div", { className: "actions" }, ...actions) : null,
    choosing ? menu(item, words, does) : null,
    make("time", { className: "when", dateTime: item.created_at,
      title: new Date(item.created_at).toLocaleString(language), textContent: ago(item.created_at, language) }),
    tools(item, choosing, words, does),
  );
}

// A link, and beside it the means to say that it is done; once done it stays so.
function button(item, { label, url, done_at }, index, words, language, does) {
  const href = url && webUrl(url);
  const link = make(href ? "a" : "span", { className: "label", textContent: label });
  if (href) Object.assign(link, { href, rel: "noopener noreferrer" });
  if (done_at) {
    const when = words.doneAt(new Date(done_at).toLocaleString(language));
    return make("span", { className: "action done" }, link,
      make("span", { className: "tick", role: "img", title: when, "aria-label": when }, icon(ICONS.check)));
  }
  const name = words.markDone(label);
  return make("span", { className: "action" }, link,
    make("button", { className: `tick tick-${index}`, type: "button", title: name, "aria-label": name,
      onclick: () => does.done(item, index) }, icon(ICONS.open)));
}

function menu(item, words, does) {
  const choices = times(new Date()).map(([name, until]) =>
    make("button", { className: `pill time-${name}`, type: "button", textContent: words.times[name],
      onclick: () => does.snooze(item, until) }));
  return make("div", { className: "snooze", role: "group", "aria-label": words.snooze(item.title) }, ...choices);
}

function tools(item, choosing, words, does) {
  const change = item.read_at ? "unread" : "read";
  const label = item.read_at ? words.markUnread(item.title) : words.read(item.title);
  const tool = (className, name, drawing, onclick, more = {}) =>
    make("button", { className: `small ${className}`, type: "button", "aria-label": name, title: name, onclick, ...more },
      drawing);
  return make(
    "div",
    { className: "tools" },
    tool("toggle", label, make("i"), () => does.mark(change, item)),
    tool("later", words.snooze(item.title), icon(ICONS.clock), () => does.choose(item),
      { "aria-expanded": String(choosing) }),
    tool("archive", words.archive(item.title), icon(ICONS.archive), () => does.archive(item)),
  );
}
