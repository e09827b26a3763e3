// The page is whole without this; with it, the parts that have changed come by themselves.
"use strict";

const AGAIN_AFTER = 3000; // Milliseconds, where the browser does not try again by itself.

const lost = document.createElement("p");
lost.className = "lost";
lost.setAttribute("role", "alert");
lost.textContent = "No connection to dialgate: what is shown is old.";

// Read aloud when the condition is another one. The sentence counts seconds, and would never stop.
const aloud = document.createElement("p");
aloud.className = "aloud";
aloud.setAttribute("role", "status");
let condition = "";

function tell() {
  const word = document.querySelector(".state strong").textContent;
  document.title = `${word} · dialgate`;
  if (condition && condition !== word) aloud.textContent = document.querySelector(".state").textContent;
  condition = word;
}

// A part in which something is being pressed or is selected is left as it is until that is over.
const late = new Map();
let pressed = null;

function isInUse(part) {
  return part === pressed || (part.contains(getSelection().anchorNode) && String(getSelection()) !== "");
}

function showLate() {
  for (const [id, html] of [...late]) show(id, html);
}

function released() {
  // Behind the click that comes of it.
  setTimeout(() => {
    pressed = null;
    showLate();
  });
}

// What has the focus must not be taken away by a part that is new.
function show(id, html) {
  late.delete(id);
  const part = document.getElementById(id);
  if (!part) return;
  if (isInUse(part)) return late.set(id, html);
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  if (fresh.innerHTML === part.innerHTML) return;
  const at = part.contains(document.activeElement) ? document.activeElement : null;
  const same = at?.id ? `#${at.id}` : at?.hasAttribute("href") ? `[href="${CSS.escape(at.getAttribute("href"))}"]` : null;
  const nth = same ? [...part.querySelectorAll(same)].indexOf(at) : 0; // Two problems may lead to one chapter.
  const scrolled = part.querySelector(".wide")?.scrollLeft;
  part.replaceChildren(fresh.content);
  if (scrolled) part.querySelector(".wide")?.scrollTo(scrolled, 0);
  if (same) part.querySelectorAll(same)[nth]?.focus({ preventScroll: true });
  if (id === "state") tell();
}

let events;
let again;

function listen() {
  leave();
  const only = new URLSearchParams(location.search).get("only");
  events = new EventSource(`/events?of=page${only ? `&only=${encodeURIComponent(only)}` : ""}`);
  events.addEventListener("part", (event) => {
    const { id, html } = JSON.parse(event.data);
    show(id, html);
  });
  events.addEventListener("open", () => lost.remove());
  events.addEventListener("error", () => {
    if (!lost.isConnected) document.body.prepend(lost);
    if (events.readyState === EventSource.CLOSED) again = setTimeout(listen, AGAIN_AFTER);
  });
}

function leave() {
  clearTimeout(again);
  events?.close();
}

if (document.getElementById("state")) {
  document.body.append(aloud);
  tell();
  // A browser has six connections for all of its tabs: those that nobody sees must not take them.
  document.addEventListener("pointerdown", ({ target }) => (pressed = target.closest("main > *")));
  document.addEventListener("pointerup", released);
  document.addEventListener("pointercancel", released);
  document.addEventListener("selectionchange", showLate);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
  addEventListener("pageshow", () => document.hidden || listen());
  addEventListener("pagehide", leave);
}

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = document.getElementById("told");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      // Where the page was opened with a password in its address, the form's has it, too, and fetch would not take it.
      const address = location.origin + new URL(form.action).pathname;
      const answer = await fetch(address, { method: "POST", body: new URLSearchParams(new FormData(form)) });
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
