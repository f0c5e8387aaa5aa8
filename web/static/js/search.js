// Searching everything: what is typed is asked at once, an answer to what was typed before is thrown away.

import { Refusal, call, say, toast } from "./api.js";
import { openedId } from "./desk.js";

const KINDS = ["customers", "messages", "orders"];
const SHOWN = 5;
const MORE = 20;
const PAUSE = 120;
const KEPT = 8;
const RECENT = "skrynka.searches";
const OLDER_PAGES = 100;

const dialog = () => document.getElementById("search");
const field = () => document.getElementById("search-text");
const results = () => document.getElementById("search-results");
const options = () => [...results().querySelectorAll("[role=option]")];

let asking = null;
let waiting = 0;
let choices = new Map();

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
};

const picture = (name) => dialog().querySelector(`template[data-icon="${name}"]`).content.firstElementChild.cloneNode(true);

// What was looked for lately, in this browser alone.
const recent = () => {
  try {
    return JSON.parse(localStorage.getItem(RECENT)) ?? [];
  } catch {
    return [];
  }
};

const remember = () => {
  const q = field().value.trim();
  if (q) localStorage.setItem(RECENT, JSON.stringify([q, ...recent().filter((known) => known !== q)].slice(0, KEPT)));
};

// Results
const day = (time) => {
  const then = new Date(time);
  const today = then.toDateString() === new Date().toDateString();
  const form = today ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short", year: then.getFullYear() === new Date().getFullYear() ? undefined : "numeric" };
  return then.toLocaleString(document.documentElement.lang, form);
};

const said = (snippet, className = "said") => {
  const box = element("span", className);
  box.dir = "auto";
  for (const part of snippet) box.append(part.match ? element("mark", "", part.text) : part.text);
  return box;
};

const LOOKS = {
  customers: (hit) => ({ name: hit.name || say("search-nameless"), at: null, id: hit.conversation_id, customer: hit.id }),
  messages: (hit) => ({ name: hit.customer_name || say("search-nameless"), at: hit.sent_at, id: hit.conversation_id, message: hit.id }),
  orders: (hit) => ({ name: say("macro-order", { number: hit.number }) + (hit.customer_name ? ` · ${hit.customer_name}` : ""), at: hit.created_at, id: hit.conversation_id, customer: hit.customer_id }),
};

const option = (icon, act, { plain = false, disabled = false } = {}) => {
  const box = element("div", plain ? "plain" : "");
  box.id = `found-${choices.size}`;
  box.setAttribute("role", "option");
  box.setAttribute("aria-selected", "false");
  if (disabled) box.setAttribute("aria-disabled", "true");
  box.append(picture(icon));
  choices.set(box.id, act);
  return box;
};

const shown = (kind, hit) => {
  const { name, at, id, customer, message } = LOOKS[kind](hit);
  const box = option(kind, () => (id ? open(id, message) : openCard(customer)), { disabled: !id && !customer });
  const named = hit.snippet.map((part) => part.text).join("") === name;
  box.append(named ? said(hit.snippet, "name cut") : element("span", "name cut", name));
  if (id || customer) box.append(element("time", "when", at ? day(at) : ""));
  else box.append(element("span", "when", say("search-closed")));
  if (named) box.append(element("span", "said", [...hit.phones, ...hit.emails].join(" · ")));
  else box.append(said(hit.snippet));
  return box;
};

const group = (kind, title) => {
  const box = element("div");
  const head = element("div", "title", title);
  head.setAttribute("role", "presentation");
  head.id = `found-${kind}`;
  box.setAttribute("role", "group");
  box.setAttribute("aria-labelledby", head.id);
  box.append(head);
  return box;
};

const fill = (box, kind, page, q) => {
  for (const hit of page.items) box.append(shown(kind, hit));
  if (!page.next_cursor) return;
  const more = option("more", () => readOn(box, more, kind, q, page.next_cursor), { plain: true });
  more.append(element("span", "name", say("search-more")));
  box.append(more);
};

const clear = () => {
  choices = new Map();
  results().replaceChildren();
  field().removeAttribute("aria-activedescendant");
  tell(null);
};

/** Say what there is instead of results: `none`, `failed`, `offline`; null for nothing to say. */
const tell = (state, { q = "", again } = {}) => {
  const box = document.getElementById("search-state");
  box.hidden = !state;
  box.replaceChildren();
  if (!state) return;
  box.append(picture(state), element("b", "", say(`search-${state}`, { q })), element("span", "", say(`search-${state}-why`)));
  if (again) {
    const button = element("button", "btn", say("again"));
    button.type = "button";
    button.addEventListener("click", again);
    box.append(button);
  }
  document.getElementById("search-said").textContent = say(`search-${state}`, { q });
};

const showRecent = () => {
  clear();
  document.getElementById("search-said").textContent = "";
  const known = recent();
  if (!known.length) return;
  const box = group("recent", say("search-recent"));
  for (const q of known) {
    const row = option("recent", () => look(q), { plain: true });
    row.append(element("span", "name cut", q));
    box.append(row);
  }
  const forget = option("none", () => {
    localStorage.removeItem(RECENT);
    showRecent();
  }, { plain: true });
  forget.firstElementChild.style.visibility = "hidden";
  forget.append(element("span", "name", say("search-forget")));
  box.append(forget);
  results().append(box);
};

const show = (answer, q) => {
  clear();
  let count = 0;
  for (const kind of KINDS) {
    const page = answer[kind];
    if (!page.items.length && !page.next_cursor) continue;
    count += page.items.length;
    const box = group(kind, say(`search-${kind}`));
    fill(box, kind, page, q);
    results().append(box);
  }
  results().scrollTop = 0;
  if (!options().length) tell("none", { q });
  else {
    choose(options()[0]);
    document.getElementById("search-said").textContent = say("search-found", { count });
  }
};

// Asking
const stop = () => {
  clearTimeout(waiting);
  asking?.abort();
  asking = null;
  document.getElementById("search-busy").hidden = true;
};

const ask = async (parameters) => {
  const mine = new AbortController();
  asking = mine;
  document.getElementById("search-busy").hidden = false;
  try {
    return await call("GET", `/api/v1/search?${new URLSearchParams(parameters)}`, undefined, { signal: mine.signal });
  } catch (refusal) {
    if (mine.signal.aborted) return null;
    if (!(refusal instanceof Refusal)) throw refusal;
    clear();
    tell(navigator.onLine && refusal.status ? "failed" : "offline", { again: search });
    return null;
  } finally {
    if (asking === mine) stop();
  }
};

const search = async () => {
  stop();
  const q = field().value.trim();
  if (!q) {
    showRecent();
    return;
  }
  const answer = await ask({ q, limit: SHOWN });
  if (answer) show(answer, q);
};

const readOn = async (box, more, kind, q, cursor) => {
  stop();
  const answer = await ask({ q, kind, cursor, limit: MORE });
  if (!answer) return;
  const count = box.children.length;
  more.remove();
  fill(box, kind, answer[kind], q);
  choose(box.children[Math.min(count - 1, box.children.length - 1)]);
};

const look = (q) => {
  field().value = q;
  field().focus();
  search();
};

// Choosing
const choose = (box) => {
  for (const other of options()) other.setAttribute("aria-selected", String(other === box));
  if (!box?.id) return;
  field().setAttribute("aria-activedescendant", box.id);
  box.scrollIntoView({ block: "nearest" });
};

const chosen = () => results().querySelector("[aria-selected=true]");

const take = (box) => {
  if (!box || box.getAttribute("aria-disabled")) return;
  choices.get(box.id)();
};

const open = (conversation, message) => {
  remember();
  dialog().close();
  if (openedId() === conversation) {
    if (message) reveal(message);
    return;
  }
  location.href = `/inbox/${conversation}?tab=all${message ? `#m-${message}` : ""}`;
};

// Who has no conversation that could be opened.
const openCard = (customer) => {
  remember();
  location.href = `/customers/${customer}`;
};

const older = (button) =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(late);
      document.removeEventListener("htmx:afterSettle", done);
      resolve();
    };
    const late = setTimeout(done, 5000);
    document.addEventListener("htmx:afterSettle", done);
    button.click();
  });

/** Show a message of the open conversation and mark it, fetching what is older until it is there. */
const reveal = async (id) => {
  for (let page = 0; page < OLDER_PAGES; page += 1) {
    if (document.getElementById(`m-${id}`)) {
      // The same address again would mark nothing, and an element that came later is not marked by an old one.
      history.replaceState(history.state, "", location.pathname + location.search);
      location.hash = `m-${id}`;
      document.getElementById(`m-${id}`).scrollIntoView({ block: "center" });
      return;
    }
    const button = document.querySelector("#older button");
    if (!button) break;
    await older(button);
  }
  toast(say("search-lost"));
};

export const openSearch = () => {
  if (document.querySelector("dialog[open]")) return;
  dialog().showModal();
  field().select();
  search();
};

export const start = () => {
  const box = dialog();
  field().addEventListener("input", () => {
    stop();
    waiting = setTimeout(search, PAUSE);
  });
  field().addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      const present = all.indexOf(chosen());
      choose(all[(present + step + all.length) % all.length] ?? all[0]);
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(chosen());
    } else if (event.key === "Escape") {
      // A search field would keep the first Escape for itself.
      event.preventDefault();
      box.close();
    }
  });
  box.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  results().addEventListener("mousemove", (event) => {
    const over = event.target.closest("[role=option]");
    if (over && over !== chosen()) choose(over);
  });
  results().addEventListener("click", (event) => take(event.target.closest("[role=option]")));
  box.addEventListener("close", stop);
  addEventListener("online", () => {
    if (box.open) search();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.code === "KeyK") {
      event.preventDefault();
      openSearch();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-search]")) openSearch();
  });
  const [, message] = location.hash.match(/^#m-(\w+)$/) ?? [];
  if (message && openedId()) reveal(message);
};
