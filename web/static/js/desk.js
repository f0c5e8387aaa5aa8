// What can be done with the open conversation and the list beside it; everything here is delegated, nothing is bound twice.

import { Refusal, call, refresh, say, sure, toast } from "./api.js";

const app = () => document.querySelector(".app");
const bar = () => document.getElementById("bar");
export const openedId = () => document.querySelector("[data-conversation]")?.dataset.conversation;
const wide = matchMedia("(width > 720px)");

/** Change the open conversation as it was seen; when somebody was first, show how it is now. */
export const change = async (changes, { said, undo } = {}) => {
  const id = openedId();
  const version = Number(bar()?.dataset.version);
  closeMenus();
  try {
    const now = await call("PATCH", `/api/v1/conversations/${id}`, { ...changes, version });
    if (bar() && openedId() === id) bar().dataset.version = now.version;
    if (said) {
      const run = () => call("PATCH", `/api/v1/conversations/${id}`, undo).then(() => refresh("live:bar", "live:list"));
      toast(said, undo ? { action: say("undo"), run } : {});
    }
  } catch (refusal) {
    toast(refusal.status === 409 ? say("meanwhile") : refusal.message);
  }
  refresh("live:bar", "live:list", "live:card", "live:me");
};

/** Do what a `data-api` element says: "METHOD /path", with `data-body`, after `data-confirm`, then `data-then`. */
const perform = async (element) => {
  const [method, path] = element.dataset.api.split(" ");
  if (element.dataset.confirm && !(await sure(element.dataset.confirm, element.dataset.yes ?? element.textContent.trim()))) return;
  const body = element.dataset.body ? JSON.parse(element.dataset.body) : undefined;
  element.disabled = true;
  try {
    await call(method, path, body, { timeout: 40000 });
    closeMenus();
    if (element.dataset.said) toast(element.dataset.said);
    then(element.dataset.then);
  } catch (refusal) {
    toast(refusal.message);
    then("refresh-quietly");
  }
  element.disabled = false;
};

/** What follows: `go:/path`, `refresh` (this screen, after `form` was saved), or names of live events. */
export const then = (what = "", form = null) => {
  for (const step of what.split(",").filter(Boolean)) {
    if (step.startsWith("go:")) location.href = step.slice(3);
    else if (step === "refresh") refreshPlace(form);
    else if (step.startsWith("live:")) refresh(step);
  }
};

// A screen is fetched by one request after another, so that the newest answer is the one that stands.
let line = Promise.resolve();
let due = false;
let clean = null; // The form whose fields were just saved.

const fetchPlace = (swap, { begun, saved } = {}) => {
  line = line.then(() => {
    begun?.();
    clean = saved;
    return htmx.ajax("GET", location.pathname + location.search, { source: ".place", target: ".place", select: ".place", swap });
  });
  line = line.catch(() => {}); // The page says by itself that a fetch failed.
  return line;
};

/** After something was saved: fields are filled anew, but for those of other forms that somebody is busy with. */
export const refreshPlace = (saved) => fetchPlace("outerHTML", { saved });

const touched = (field) =>
  field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked : field === document.activeElement || field.value !== field.defaultValue;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.target.matches(".place") || !detail.shouldSwap) return;
  const fields = [...detail.target.querySelectorAll("form:not([data-keep]) :is(input:not([type=hidden]), textarea)")];
  if (!fields.some((field) => field.form !== clean && touched(field))) return;
  clean?.reset();
  detail.swapOverride = "morph:outerHTML";
});

// News that a screen names in `data-news` leave what is being typed on it as it is.
const showNews = ({ type }) => {
  if (due || document.querySelector(".place")?.dataset.news !== type) return;
  due = true;
  const begun = () => {
    due = false;
  };
  fetchPlace("morph:outerHTML", { begun });
};
for (const name of ["live:place", "live:tasks"]) document.body.addEventListener(name, showNews);

// How long the customer may still be written to shrinks by itself.
setInterval(() => {
  if (document.querySelector("#hints [data-until]")) refresh("live:bar");
}, 60000);

// Menus
const closeMenus = (but) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== but && !menu.contains(but)) menu.open = false;
  }
};

const items = (menu) => [...menu.querySelectorAll(".panel .item:not(:disabled), .panel [data-theme-choice]")].filter((item) => item.offsetParent);

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.menu") || !menu.open) return;
  closeMenus(menu);
  place(menu);
  if (document.activeElement?.closest("summary")?.parentElement === menu) items(menu)[0]?.focus({ focusVisible: false });
}, true);

/** A message's menu opens to where there is room. */
const place = (menu) => {
  if (!menu.matches(".tools")) return;
  menu.classList.remove("up");
  const panel = menu.querySelector(".panel").getBoundingClientRect();
  const frame = document.getElementById("msgs").getBoundingClientRect();
  menu.classList.toggle("up", panel.bottom > frame.bottom);
};

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const all = items(menu);
    const step = event.key === "ArrowDown" ? 1 : -1;
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
    event.preventDefault();
  }
});

// Snoozing
const atNine = (days) => {
  const day = new Date();
  day.setDate(day.getDate() + days);
  day.setHours(9, 0, 0, 0);
  return day;
};

export const SNOOZES = {
  hour: () => new Date(Date.now() + 3600000),
  tomorrow: () => atNine(1),
  monday: () => atNine((8 - new Date().getDay()) % 7 || 7),
};

const snooze = (until) => {
  const when = until.toLocaleString(document.documentElement.lang, { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return change({ status: "snoozed", snoozed_until: until.toISOString() }, { said: say("snoozed", { when }), undo: { status: "open" } });
};

document.addEventListener("submit", (event) => {
  if (event.target.id !== "snooze-form") return;
  event.preventDefault();
  const field = document.getElementById("snooze-until");
  const until = new Date(field.value);
  field.setCustomValidity(until > new Date() ? "" : say("future"));
  if (!field.reportValidity()) return;
  event.target.closest("dialog").close();
  snooze(until);
});

// Tags and labels: the whole list is written as it was seen; when a colleague was first, theirs is shown.
const editList = async (box, values) => {
  try {
    const version = "version" in box.dataset ? { version: Number(box.dataset.version) } : {};
    await call("PATCH", box.dataset.url, { [box.dataset.list]: values, ...version });
  } catch (refusal) {
    toast(refusal.status === 409 ? say("meanwhile") : refusal.message);
  }
  refresh("live:card", "live:list");
};

document.addEventListener("submit", (event) => {
  const box = event.target.closest("[data-list]");
  if (!box) return;
  event.preventDefault();
  const value = event.target.elements.value.value.trim();
  const values = JSON.parse(box.dataset.values);
  if (value && !values.includes(value)) editList(box, [...values, value]);
  event.target.reset();
});

// One listener for every click that is not a plain link.
const clicks = {
  "[data-api]": (element) => perform(element),
  "[data-change]": (element) =>
    change(JSON.parse(element.dataset.change), { said: element.dataset.said, undo: element.dataset.undo && JSON.parse(element.dataset.undo) }),
  "[data-snooze]": (element) => snooze(SNOOZES[element.dataset.snooze]()),
  "[data-dialog]": (element) => {
    closeMenus();
    if (element.dataset.dialog === "snooze") prefillSnooze();
    document.getElementById(element.dataset.dialog).showModal();
  },
  "[data-close]": (element) => element.closest("dialog").close(),
  "[data-card]": () => app().classList.toggle("show-card"),
  "[data-list] [data-remove]": (element) => {
    const box = element.closest("[data-list]");
    editList(box, JSON.parse(box.dataset.values).filter((value) => value !== element.dataset.remove));
  },
  "[data-photo]": (element) => {
    const dialog = document.getElementById("lightbox");
    dialog.querySelector("img").src = element.dataset.photo;
    dialog.querySelector("a").href = element.dataset.photo;
    dialog.showModal();
  },
  "[data-jump]": (element, event) => {
    event.preventDefault();
    document.getElementById(element.dataset.jump)?.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
  },
  "#jump": () => document.getElementById("msgs").scrollTo({ top: 0, behavior: calm() ? "auto" : "smooth" }),
  "#find-clear": () => {
    const field = document.getElementById("find");
    field.value = "";
    field.dispatchEvent(new Event("search"));
    field.focus();
  },
};

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const prefillSnooze = () => {
  const soon = SNOOZES.tomorrow();
  const local = (date) => new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  const field = document.getElementById("snooze-until");
  field.min = local(new Date());
  field.value = local(soon);
};

document.addEventListener("click", (event) => {
  if (!event.target.closest("details.menu")) closeMenus();
  if (event.target.matches("dialog")) event.target.close();
  for (const [selector, act] of Object.entries(clicks)) {
    const element = event.target.closest(selector);
    if (element) {
      act(element, event);
      return;
    }
  }
});

// What the list is asked for stands in its form at once: a word that is typed before the answer asks within the new tab.
document.addEventListener("click", ({ target }) => {
  const link = target.closest("[data-asks]");
  if (!link) return;
  const { asks, value } = link.dataset;
  document.getElementById(`find-${asks}`).value = value;
  if (asks !== "tab") return;
  link.parentElement.querySelector("[aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
}, true);

// The list says at once which conversation is coming, and the narrow page turns to it.
document.addEventListener("htmx:beforeRequest", (event) => {
  const target = event.detail.target;
  if (target?.id !== "desk") return;
  app().classList.add("loading");
  const row = event.detail.elt.closest(".row");
  if (row) select(row);
});

export const select = (row) => {
  for (const other of document.querySelectorAll(".row[aria-current]")) other.removeAttribute("aria-current");
  row?.setAttribute("aria-current", "true");
};

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "desk") return;
  app().classList.remove("loading", "show-card");
  app().classList.add("reading");
});

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    app()?.classList.remove("loading");
    const { target, requestConfig, xhr } = event.detail;
    // Somebody gave the conversation to a team of others: say so instead of showing what may not be changed.
    if (target?.id === "bar" && xhr?.status === 404) htmx.ajax("GET", location.pathname, "#desk");
    if (target?.id !== "desk" && target?.id !== "list-body") return;
    // What was refetched because of a live frame will be refetched with the next one; what a person asked for is said.
    if (requestConfig.triggeringEvent?.type?.startsWith("live:")) return;
    const again = () => htmx.ajax("GET", requestConfig.path, { target, source: event.detail.elt });
    toast(say(xhr?.status === 404 ? "gone" : "unreachable"), xhr?.status === 404 ? {} : { action: say("again"), run: again });
  });
}

// A conversation that is gone is shown as such instead of nothing.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 404 && event.detail.target.id === "desk") {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// Reading: what is on the screen of somebody who looks at it has been read.
let reading = "";

export const markRead = async () => {
  const header = bar();
  const { unread, last, handed = "" } = header?.dataset ?? {};
  if (!header || document.hidden || !document.hasFocus() || !(Number(unread) || handed)) return;
  const key = `${openedId()}:${unread}:${last}:${handed}`;
  if (key === reading) return;
  reading = key;
  try {
    await call("POST", `/api/v1/conversations/${openedId()}/read`);
    document.querySelector(`#c-${CSS.escape(openedId())} .badge`)?.remove();
    document.getElementById(`c-${openedId()}`)?.classList.remove("unread", "handed");
    title();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    reading = "";
  }
};

const title = () => {
  const count = document.querySelectorAll(".row.unread").length;
  const plain = document.title.replace(/^\(\d+\) /, "");
  document.title = count ? `(${count}) ${plain}` : plain;
};

// New messages below what somebody reads further up.
let newest = "";

const noticeNew = () => {
  const frame = document.getElementById("msgs");
  const all = document.querySelectorAll("#messages .m");
  const last = all[all.length - 1];
  if (!frame || !last) return;
  const fresh = newest && newest !== last.id && !last.closest(".out");
  newest = last.id;
  const jump = document.getElementById("jump");
  if (Math.abs(frame.scrollTop) < 80) jump.hidden = true;
  else if (fresh) jump.hidden = false;
};

document.addEventListener("scroll", (event) => {
  if (event.target.id === "msgs" && Math.abs(event.target.scrollTop) < 80) document.getElementById("jump").hidden = true;
}, true);

/** So many milliseconds in words: 4 min, 3 h, 2 d. */
const long = (span) => {
  const minutes = Math.max(0, Math.floor(span / 60000));
  const hours = Math.floor(minutes / 60);
  const [key, count] = minutes < 60 ? ["minutes", minutes] : hours < 48 ? ["hours", hours] : ["days", Math.floor(hours / 24)];
  return say(key, { count });
};

const waits = () => {
  for (const mark of document.querySelectorAll("time[data-wait]")) {
    const span = Date.now() - new Date(mark.dateTime);
    mark.lastElementChild.textContent = long(span);
    mark.classList.toggle("late", span >= 15 * 60000 && !("timed" in mark.dataset));
  }
  for (const mark of document.querySelectorAll("time[data-due]")) {
    const left = new Date(mark.dateTime) - Date.now();
    mark.textContent = say(left > 0 ? "left" : "late", { time: long(Math.abs(left)) });
    if (left <= 0) mark.className = "deadline late";
  }
};

/** The address follows the tab, the search and the order, so that a reload shows the same list. */
const address = () => {
  const list = document.getElementById("list-body");
  if (!list) return;
  const { tab, q, sort } = list.dataset;
  const wanted = `?${new URLSearchParams({ tab, ...(q && { q }), ...(sort !== "recent" && { sort }) })}`;
  if (location.search !== wanted && (location.search || wanted !== "?tab=mine")) history.replaceState(history.state, "", location.pathname + wanted);
};

const settled = () => {
  const id = openedId();
  address();
  select(id && document.getElementById(`c-${id}`));
  title();
  noticeNew();
  markRead();
};

export const start = () => {
  // While what stands around them is renewed, menus that are open stay open and fields keep what was typed into them.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !(name === "open" && node.matches("details")) &&
    !(name === "class" && node.matches("details.menu[open]")) && // It opened to where there was room.
    !(name === "value" && node.value !== node.defaultValue) &&
    !(name === "checked" && node.checked !== node.defaultChecked);
  // What the page's own code put somewhere stays there.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (before, after) => !(before.dataset?.kept && before.dataset.kept === after.dataset?.kept);
  document.addEventListener("htmx:afterSettle", settled);
  document.addEventListener("visibilitychange", markRead);
  addEventListener("focus", markRead);
  setInterval(waits, 20000);
  settled();
  document.addEventListener("play", (event) => {
    for (const other of document.querySelectorAll("audio, video.video")) if (other !== event.target) other.pause();
  }, true);
  if (!calm()) document.addEventListener("pointerover", (event) => event.target.closest?.("[data-calm-autoplay]")?.play());
  wide.addEventListener("change", () => app()?.classList.remove("show-card"));
};
