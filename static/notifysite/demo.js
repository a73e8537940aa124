// Sends without leaving the page, so that the toast can be seen to come. Without it the form works.

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
