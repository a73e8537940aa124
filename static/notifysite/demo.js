// Sends without leaving the page, so that the toast can be seen to come. Without it the form works.

import { state, subscribe, unsubscribe } from "./push.js";

const form = document.getElementById("send");
const said = document.getElementById("said");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    said.textContent = (await answer.json()).text;
  } catch {
    form.submit();
  } finally {
    button.disabled = false;
  }
});

// Browser notifications, where the browser knows them.

const part = (id) => document.getElementById(id);

async function showPush() {
  const now = await state();
  part("push").hidden = now === "unsupported";
  part("push-on").hidden = now === "on";
  part("push-off").hidden = now !== "on";
  part("push-denied").hidden = now !== "denied";
  part("push-on").disabled = now === "denied";
}

function turning(change) {
  return async () => {
    const token = document.querySelector("notifysite-bell").getAttribute("token");
    try {
      await change({ token, label: "Juniper demo" });
    } catch (error) {
      said.textContent = error.message;
    }
    await showPush();
  };
}

part("push-on").addEventListener("click", turning(subscribe));
part("push-off").addEventListener("click", turning(unsubscribe));
showPush();
