// The page is whole without this; with it, the parts that have changed come by themselves.
"use strict";

const lost = document.createElement("p");
lost.className = "lost";
lost.setAttribute("role", "alert");
lost.textContent = "No connection to dialgate: what is shown is old.";

// What has the focus or is selected must not be taken away by a part that is new.
function show(id, html) {
  const part = document.getElementById(id);
  if (!part || (part.contains(getSelection().anchorNode) && String(getSelection()))) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const list = part.querySelector(".log");
  const scrolled = list ? list.scrollTop : 0;
  part.innerHTML = html;
  if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  if (list) part.querySelector(".log")?.scrollTo(0, scrolled);
}

if (document.getElementById("state")) {
  const events = new EventSource("/events?of=page");
  events.addEventListener("part", (event) => {
    const { id, html } = JSON.parse(event.data);
    show(id, html);
  });
  events.addEventListener("open", () => lost.remove());
  events.addEventListener("error", () => document.body.prepend(lost));
  addEventListener("pagehide", () => events.close());
}

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = document.getElementById("told");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      told.textContent = await answer.text();
      told.className = answer.ok ? "good" : "bad";
    } catch {
      told.textContent = "dialgate did not answer";
      told.className = "bad";
    }
    button.disabled = false;
    button.focus();
  });
}
