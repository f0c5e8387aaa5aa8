// To whom a conversation goes: `a`, a few letters, Enter, a word to whoever gets it, Enter.

import { Refusal, call, refresh, say, toast, token } from "./api.js";
import { change, openedId } from "./desk.js";

const $ = (id) => document.getElementById(id);
const all = () => [...document.querySelectorAll("#assign-list [role=option]")];
const shown = () => all().filter((item) => !item.hidden && item.ariaDisabled !== "true");
const current = () => all().find((item) => item.ariaSelected === "true");

let sending = null; // What makes a second try of the same hand-over harmless.

export const openAssign = async () => {
  const id = openedId();
  if (!id) return;
  await htmx.ajax("GET", `/fragments/conversations/${id}/assign`, { target: "#assign", swap: "innerHTML" });
  if (!$("assign-form") || openedId() !== id) return;
  sending = null;
  if (!$("assign").open) $("assign").showModal();
  $("assign-find").focus();
  mark(shown()[0]);
};

const mark = (item) => {
  for (const other of all()) other.ariaSelected = String(other === item);
  if (!item) {
    $("assign-find").removeAttribute("aria-activedescendant");
    return;
  }
  $("assign-find").setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
};

const filter = () => {
  const words = $("assign-find").value.trim().toLocaleLowerCase();
  for (const item of all()) {
    const text = (item.dataset.name || item.textContent).toLocaleLowerCase();
    item.hidden = Boolean(words) && !text.split(/\s+/).some((word) => word.startsWith(words)) && !text.startsWith(words);
  }
  for (const group of document.querySelectorAll("#assign-list [role=group]")) {
    group.hidden = Boolean(words) && [...group.querySelectorAll("[role=option]")].every((item) => item.hidden);
  }
  $("assign-none").hidden = shown().length > 0;
  $("assign-list").hidden = shown().length === 0;
  $("assign-find").ariaExpanded = String(shown().length > 0);
  leaveWord();
  mark(shown()[0]);
};

const leaveWord = () => {
  $("assign-word").hidden = true;
  $("assign-go").hidden = true;
};

/** What needs no word is done; whoever else is chosen gets one. */
const choose = (item) => {
  if (!item || item.ariaDisabled === "true") return;
  mark(item);
  if (item.dataset.do) {
    $("assign").close();
    change(JSON.parse(item.dataset.do), { said: item.dataset.said });
    return;
  }
  $("assign-word").hidden = false;
  $("assign-go").hidden = false;
  $("assign-word").querySelector("[data-whom]").textContent = item.dataset.name;
  $("assign-note").focus();
};

const handOver = async () => {
  const item = current();
  if (!item?.dataset.to) return;
  const form = $("assign-form");
  const note = $("assign-note").value.trim();
  const wanted = JSON.stringify([item.dataset.to, note]);
  if (sending?.wanted !== wanted) sending = { wanted, token: token() };
  $("assign-go").disabled = true;
  try {
    const body = { ...JSON.parse(item.dataset.to), note, version: Number(form.dataset.version), client_token: sending.token };
    await call("POST", `/api/v1/conversations/${form.dataset.conversation}/transfer`, body);
    $("assign").close();
    toast(say("handed-over", { name: item.dataset.name }));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    toast(refusal.status === 409 ? say("meanwhile") : refusal.message);
    // What was written stays; whom it is about may be somebody else's by now.
    if (refusal.status === 409) form.dataset.version = refusal.version ?? form.dataset.version;
  }
  $("assign-go").disabled = false;
  refresh("live:bar", "live:list", "live:card", "live:me", "live:messages");
};

export const start = () => {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-assign]")) {
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
      openAssign();
    }
    const item = event.target.closest("#assign-list [role=option]");
    if (item) choose(item);
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "assign-find") filter();
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "assign-form") return;
    event.preventDefault();
    if (document.activeElement?.id === "assign-find") choose(current());
    else handOver();
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.target.id === "assign-note" && event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      handOver();
    } else if (event.target.id === "assign-find" && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const items = shown();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(items[(items.indexOf(current()) + step + items.length) % items.length]);
    }
  });
};
