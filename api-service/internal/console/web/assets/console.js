// The console works without this script. It refreshes pages, shows local times and ages, and copies text.
"use strict";

(() => {
  const every = 5000;
  document.documentElement.classList.add("scripted");

  // A link's page has one form. The script sends it, so that no button has to be pressed.
  const opening = document.querySelector("form[data-open]");
  if (opening) {
    opening.addEventListener("submit", () => { opening.querySelector("button").disabled = true; });
    opening.requestSubmit();
  }

  // The search needs only what is visible of a key. The rest of a pasted key must not get into an address.
  for (const form of document.querySelectorAll("form[role=search]")) {
    form.addEventListener("submit", () => {
      const field = form.querySelector("input[type=search]");
      if (/^\s*r[dp]k_/.test(field.value)) field.value = field.value.trim().slice(0, 12);
    });
  }

  // Local times.
  const clock = document.querySelector("[data-clock]");
  let local = remembered("clock") === "local";

  function remembered(name) {
    try { return localStorage.getItem("console-" + name); } catch { return null; }
  }

  function remember(name, value) {
    try { localStorage.setItem("console-" + name, value); } catch { /* the browser keeps nothing */ }
  }

  function age(at) {
    const seconds = Math.round((Date.now() - at) / 1000);
    const [n, unit] = Math.abs(seconds) < 60 ? [seconds, "second"] : Math.abs(seconds) < 3600 ? [Math.round(seconds / 60), "minute"]
      : Math.abs(seconds) < 86400 ? [Math.round(seconds / 3600), "hour"] : [Math.round(seconds / 86400), "day"];
    return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-n, unit);
  }

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function showTimes(root) {
    for (const node of root.querySelectorAll("time[datetime]")) {
      const at = new Date(node.dateTime);
      if (!node.dataset.utc) node.dataset.utc = node.textContent;
      const shown = local ? at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : node.dataset.utc;
      write(node, shown + " (" + age(at) + ")");
      node.title = at.toISOString();
    }
    for (const node of root.querySelectorAll("[data-zone]")) {
      write(node, local ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC");
    }
    if (clock) {
      clock.setAttribute("aria-pressed", String(local));
    }
  }

  if (clock) {
    clock.addEventListener("click", () => {
      local = !local;
      remember("clock", local ? "local" : "utc");
      showTimes(document);
    });
  }

  // Copying. The text is in the button, or in the element that it names.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    const text = from ? (from.value ?? from.textContent) : button.dataset.copy;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not permitted";
    }
    setTimeout(() => { button.textContent = before; }, 1500);
  });

  // Selecting a page of a list.
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-select-all]");
    if (!all) return;
    for (const box of all.form.querySelectorAll("input[name=" + all.dataset.selectAll + "]")) box.checked = all.checked;
  });

  // Refreshing. The nodes that are there are kept and changed where they differ, so that focus, scroll position and open parts stay.
  const live = document.querySelector("[data-live]");
  let paused = false, ended = false, refreshedAt = Date.now();

  // A form's fields hide its properties, so that attributes are read as such.
  const attribute = (node, name) => node.nodeType === Node.ELEMENT_NODE ? node.getAttribute(name) : null;

  function same(a, b) {
    return a.nodeType === b.nodeType && a.nodeName === b.nodeName && ["id", "data-key"].every((name) => attribute(a, name) === attribute(b, name));
  }

  const kept = new Set(["open", "data-utc", "title"]);

  function change(node, wanted) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data !== wanted.data) node.data = wanted.data;
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || node.hasAttribute("data-live") || node.matches("input, select, textarea")) return;
    for (const { name } of [...node.attributes]) {
      if (!wanted.hasAttribute(name) && !kept.has(name)) node.removeAttribute(name);
    }
    for (const { name, value } of wanted.attributes) {
      if (node.getAttribute(name) !== value && !kept.has(name)) node.setAttribute(name, value);
    }
    if (node.nodeName === "TIME" && node.dataset.utc) {
      node.dataset.utc = wanted.textContent;
      return;
    }
    const here = [...node.childNodes], there = [...wanted.childNodes];
    let at = 0;
    for (const next of there) {
      // A node with a key may have moved down. Others correspond by their position.
      const found = attribute(next, "data-key") ? here.findIndex((child, i) => i >= at && same(child, next))
        : here[at] && same(here[at], next) ? at : -1;
      if (found < 0) {
        node.insertBefore(next, here[at] ?? null);
        continue;
      }
      for (const gone of here.slice(at, found)) gone.remove();
      change(here[found], next);
      at = found + 1;
    }
    for (const gone of here.slice(at)) gone.remove();
  }

  function selecting() {
    return document.querySelector("main input[type=checkbox]:checked") || !document.getSelection().isCollapsed
      || document.activeElement?.matches("main input:not([type=checkbox]), main select, main textarea");
  }

  async function refresh() {
    if (paused || ended || document.hidden || selecting()) return;
    let answer;
    try {
      answer = await fetch(location.href, { headers: { "X-Console-Refresh": "1" }, credentials: "same-origin" });
    } catch {
      return; // the next one may succeed
    }
    if (answer.status === 401) {
      ended = true;
      return;
    }
    if (!answer.ok || paused || selecting()) return;
    const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const main = document.querySelector("main");
    if (!wanted) return;
    for (const flash of main.querySelectorAll(":scope > .flash[role=status]")) wanted.prepend(flash.cloneNode(true));
    change(main, wanted);
    refreshedAt = Date.now();
    showTimes(main);
  }

  function showAge() {
    const shown = live.querySelector("[data-age]");
    write(shown, ended ? "The session has ended. Load the page again." : paused ? "Paused" : "Updated " + age(refreshedAt));
  }

  if (live) {
    const pause = live.querySelector("[data-pause]");
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? "Resume refresh" : "Pause refresh";
      showAge();
    });
    showAge();
    setInterval(() => refresh().then(showAge), every);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().then(showAge); });
  }
  showTimes(document);
  setInterval(() => showTimes(document), 10000);
})();
