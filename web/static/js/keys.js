// Hands on the keyboard: single keys while nothing is being typed.

import { openAssign } from "./assign.js";
import { change, select } from "./desk.js";
import { write } from "./composer.js";
import { openSearch } from "./search.js";

const typing = (element) => element?.closest?.("input, textarea, select, [contenteditable]");

const rows = () => [...document.querySelectorAll(".row")];

const move = (step) => {
  const all = rows();
  // The row in focus leads: when keys come faster than answers, the opened one lags behind.
  const focused = all.indexOf(document.activeElement);
  const present = focused < 0 ? all.findIndex((row) => row.hasAttribute("aria-current")) : focused;
  const row = all[Math.min(Math.max(present + step, 0), all.length - 1)];
  if (!row || row === all[present]) return;
  select(row);
  // With the row in focus, the composer of what opens does not take it: the next j or k moves on.
  row.focus();
  row.click();
};

const openMenu = (id) => {
  const menu = document.getElementById(id);
  if (!menu) return;
  const shown = menu.offsetParent ? menu : document.getElementById("more-menu");
  shown.open = true;
  shown.querySelector(".panel .item")?.focus();
};

const keys = {
  j: () => move(1),
  k: () => move(-1),
  e: () => document.getElementById("close-button")?.click(),
  a: openAssign,
  s: () => openMenu("snooze-menu"),
  n: () => write("note"),
  r: () => write("reply"),
  f: () => document.getElementById("find")?.focus(),
  "/": openSearch,
  "?": () => document.getElementById("keys").showModal(),
};

export const start = () => {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (typing(event.target)) event.target.blur();
      document.querySelector(".app")?.classList.remove("show-card");
      return;
    }
    const act = keys[event.key];
    if (!act || typing(event.target)) return;
    event.preventDefault();
    act();
  });
  if (/Mac|iPhone|iPad/.test(navigator.platform)) {
    for (const key of document.querySelectorAll("[data-mod]")) key.textContent = "⌘";
  }
};
