// The desk works without this file; with it the editor looks at the text while it is written.
"use strict";

(() => {
  const PAUSE = 800; // milliseconds of rest before the text is looked at

  function debounce(action) {
    let timer;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(action, PAUSE);
    };
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function problemItem(problem) {
    const item = element("li", `desk-problem desk-${problem.level}`);
    const place = problem.line ? `, line ${problem.line}, column ${problem.column}` : "";
    item.append(element("b", "", `${problem.where}${place}:`), ` ${problem.message}`);
    if (problem.pointer) item.append(element("pre", "desk-pointer", problem.pointer));
    return item;
  }

  function showProblems(answer) {
    const place = document.getElementById("problems");
    if (!place) return;
    if (answer.problems.length || answer.failure) {
      const list = element("ul", "desk-problems");
      list.append(...answer.problems.map(problemItem));
      if (answer.failure) list.append(element("li", "desk-problem desk-warning", answer.failure));
      place.replaceChildren(list);
    } else {
      place.replaceChildren(element("p", "desk-fine", "None found."));
    }
  }

  function showParts(form, answer) {
    for (const place of form.querySelectorAll("[data-part]")) {
      place.textContent = answer[place.dataset.part];
    }
  }

  // Each look is a new frame: going back leads to the page before, not through every preview.
  function refreshFrame(form) {
    const old = form.querySelector("iframe[name^=preview]");
    const button = form.querySelector("[data-refresh]");
    if (!old || !button) return;
    const fresh = old.cloneNode(false);
    fresh.removeAttribute("src");
    fresh.name = `preview-${Date.now()}`;
    fresh.hidden = true;
    old.after(fresh);
    fresh.addEventListener("load", () => {
      fresh.hidden = false;
      old.remove();
    }, { once: true });
    const post = document.createElement("form");
    post.method = "post";
    post.action = button.getAttribute("formaction");
    post.target = fresh.name;
    post.hidden = true;
    for (const [name, value] of new FormData(form)) {
      const field = element("textarea");
      field.name = name;
      field.value = value;
      post.append(field);
    }
    document.body.append(post);
    post.submit();
    post.remove();
  }

  async function check(form) {
    if (!form.dataset.check) return;
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form) });
    if (!answer.ok) return;
    const said = await answer.json();
    showProblems(said);
    showParts(form, said);
  }

  function watchEditor(form) {
    let changed = false;
    const look = debounce(() => {
      check(form).catch(() => {}); // out of reach for a moment: the next pause tries again
      refreshFrame(form);
    });
    form.addEventListener("input", (event) => {
      if (event.target.name === "_width" || event.target.name === "note") return;
      if (event.target.name !== "_on") changed = true;
      look();
    });
    form.addEventListener("submit", (event) => {
      if (event.submitter && event.submitter.hasAttribute("data-refresh")) {
        event.preventDefault();
        check(form).catch(() => {});
        refreshFrame(form);
      } else {
        changed = false;
      }
    });
    window.addEventListener("beforeunload", (event) => {
      if (changed) event.preventDefault();
    });
    const frame = form.querySelector("iframe[name=preview]");
    if (frame && !frame.hasAttribute("src")) refreshFrame(form);
  }

  function moveItem(button) {
    const item = button.closest("li");
    if (button.dataset.move === "up") item.previousElementSibling?.before(item);
    else item.nextElementSibling?.after(item);
    button.focus();
  }

  // A page that must be right at a glance is fetched anew; while it cannot be, it says so.
  async function refreshLive(place) {
    const answer = await fetch(window.location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!answer.ok || !fresh) throw new Error("no such page any more");
    if (place.querySelector(":active")) return; // a button is being pressed
    const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
    place.replaceChildren(...fresh.childNodes);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  async function keepLive(place) {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, Number(place.dataset.live) * 1000));
      if (document.hidden) continue;
      await refreshLive(place).then(
        () => place.classList.remove("desk-stale"),
        () => place.classList.add("desk-stale"),
      );
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-live]").forEach(keepLive);
    document.querySelectorAll("form[data-editor]").forEach(watchEditor);
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (button) moveItem(button);
    });
  });
})();
