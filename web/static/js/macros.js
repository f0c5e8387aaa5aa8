// Macros in the composer: "/" finds them, shows each as it would be sent here, and puts one into the text.

import { Refusal, call, say, toast } from "./api.js";
import { openedId } from "./desk.js";

const $ = (id) => document.getElementById(id);
const field = () => $("text");

const FRESH = 30000; // How old the list may be before it is fetched again behind the manager's back, in ms.
const MOST = 50; // How many rows are drawn; whoever wants another one types on.

// The list, once for the page: opening another conversation finds it ready.
let entries = [];
let loading = null;
let loadedAt = 0;
let fetched = false; // Whether there is any list yet.

/** Letters as people compare them: without case, accents and the dots above them. */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

const entryOf = (macro) => ({
  macro,
  shortcut: folded(macro.shortcut),
  name: folded(macro.name),
  folder: folded(macro.folder),
  text: folded(Object.values(macro.text).join("\n")),
});

const fetchAll = async () => {
  const found = [];
  let cursor = "";
  do {
    const page = await call("GET", `/api/v1/macros?sort=use&limit=100${cursor}`);
    found.push(...page.items);
    cursor = page.next_cursor && `&cursor=${encodeURIComponent(page.next_cursor)}`;
  } while (cursor);
  entries = found.map(entryOf);
  fetched = true;
};

/** Have the list. Whoever asks while it is on its way waits for the same answer; an old one does until the new is here. */
const load = () => {
  const known = loading;
  if (known && Date.now() - loadedAt < FRESH) return known;
  loadedAt = Date.now();
  loading = fetchAll().catch((refusal) => {
    loadedAt = 0;
    if (!known) loading = null;
    throw refusal;
  });
  if (!known) return loading;
  loading = loading.catch(() => {});
  return known;
};

/** Fetch the list before anybody asks for it. */
export const warm = () => {
  load().catch(() => {});
};

// Finding
const startsWord = (text, wanted) => {
  let at = text.indexOf(wanted);
  while (at > 0 && /[\p{L}\p{N}]/u.test(text[at - 1])) at = text.indexOf(wanted, at + 1);
  return at >= 0;
};

/** How well the letters of `wanted` stand in `text` one after the other: 0 where they do not, more the closer they are. */
const closeness = (text, wanted) => {
  let at = -1;
  let first = -1;
  for (const letter of wanted) {
    at = text.indexOf(letter, at + 1);
    if (at < 0) return 0;
    if (first < 0) first = at;
  }
  return wanted.length / (at - first + 1);
};

const score = ({ shortcut, name, folder, text }, wanted) => {
  if (!wanted) return 1;
  if (shortcut === wanted) return 100;
  if (shortcut.startsWith(wanted)) return 90;
  if (startsWord(name, wanted)) return 80;
  if (shortcut.includes(wanted)) return 70;
  if (name.includes(wanted)) return 60;
  if (folder.startsWith(wanted)) return 50;
  if (startsWord(text, wanted)) return 40;
  if (text.includes(wanted)) return 30;
  return wanted.length < 2 ? 0 : 20 * Math.max(closeness(shortcut, wanted), closeness(name, wanted));
};

/** The entries for what was typed, best first; among equals the order of their use stays. */
const matching = (word) => {
  const wanted = folded(word);
  return entries
    .map((entry) => [score(entry, wanted), entry])
    .filter(([fit]) => fit > 0)
    .sort((a, b) => b[0] - a[0])
    .slice(0, MOST)
    .map(([, entry]) => entry);
};

const exactly = (word) => entries.find(({ shortcut }) => shortcut && shortcut === folded(word));

/** The "/word" that the caret stands behind: `{word, start, end}`. */
const typed = (pattern = /(?:^|\s)\/([^\s/]*)$/) => {
  const end = field().selectionStart;
  const found = pattern.exec(field().value.slice(0, end));
  return found && { word: found[1], start: end - found[0].trimStart().length, end };
};

// What is on the screen
let hooks = null;
let found = [];
let chosen = 0;
let language = null; // As the manager wished; null where the customer's counts.
let timer = 0;
const previews = new Map(); // "conversation macro language" -> promise of what would be sent

const isOpen = () => Boolean($("macros")) && !$("macros").hidden;

const preview = (entry) => {
  const conversation = openedId();
  const key = `${conversation} ${entry.macro.id} ${language ?? ""}`;
  if (!previews.has(key)) {
    const body = { conversation_id: conversation };
    if (language && language in entry.macro.text) body.language = language;
    const asked = call("POST", `/api/v1/macros/${entry.macro.id}/preview`, body);
    previews.set(key, asked);
    asked.catch(() => previews.delete(key));
  }
  return previews.get(key);
};

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

/** An icon of the page's own set: its address is taken from one that the page has. */
const icon = (name) => {
  const made = $("macro-button").querySelector("svg").cloneNode(true);
  const use = made.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  return made;
};

const option = ({ macro }, place) => {
  const row = element("div", { id: `macro-${place}`, role: "option" });
  row.dataset.macro = macro.id;
  const code = element("code", { className: "cut", textContent: macro.shortcut ? `/${macro.shortcut}` : "" });
  const marks = element("span", { className: "marks" });
  if (macro.attachments.length) marks.append(icon("paperclip"));
  if (macro.buttons.length) marks.append(icon("hand"));
  if (macro.actions.length) marks.append(icon("zap"));
  row.append(element("span", { className: "cut name", textContent: macro.name }), code, element("span", { className: "cut folder", textContent: macro.folder }), marks);
  return row;
};

/** The text with what lacks a value marked. */
const marked = (text, missing) => {
  if (!missing.length) return [text];
  const names = missing.map((name) => name.replaceAll(".", "\\.")).join("|");
  return text.split(new RegExp(`(\\{\\{ (?:${names}) \\}\\})`, "i")).map((part, place) => (place % 2 ? element("mark", { textContent: part.slice(3, -3) }) : part));
};

const tag = (image, text, className = "") => element("span", { className: `bit ${className}` }, icon(image), element("span", { className: "cut", textContent: text }));

const languageTabs = (languages, current) => {
  const row = element("div", { className: "languages" });
  for (const name of languages) {
    const button = element("button", { type: "button", textContent: name, tabIndex: -1 });
    button.dataset.language = name;
    button.setAttribute("aria-pressed", String(name === current));
    row.append(button);
  }
  return row;
};

const drawLook = (entry, shown) => {
  const look = $("macro-look");
  const text = shown?.text ?? entry.macro.text[language] ?? Object.values(entry.macro.text)[0];
  const body = element("div", { className: "text", dir: "auto" }, ...marked(text, shown?.missing ?? []));
  look.replaceChildren(languageTabs(Object.keys(entry.macro.text), shown?.language ?? language), body);
  look.classList.toggle("waiting", !shown);
  if (!shown) return;
  const bits = element("div", { className: "bits" });
  bits.append(...shown.buttons.map(({ title }) => element("span", { className: "bit press", textContent: title })));
  bits.append(...shown.attachments.map(({ name }) => tag("paperclip", name)));
  bits.append(...shown.actions.map(({ words }) => tag("zap", words)));
  if (shown.order && shown.text.includes(shown.order.number)) bits.append(tag("package", say("macro-order", { number: shown.order.number })));
  if (bits.children.length) look.append(bits);
  const via = hooks.channel();
  const here = shown.channels.find((channel) => channel.channel_id === via);
  const hints = [...(shown.missing.length ? [say("macro-missing", { names: shown.missing.join(", ") })] : []), ...(here?.warnings ?? []).map((warning) => `${here.title}: ${warning}`)];
  look.append(...hints.map((hint) => element("p", { className: "hint-line warn", textContent: hint })));
};

const look = () => {
  const entry = found[chosen];
  $("macro-look").hidden = !entry;
  if (!entry) return;
  const conversation = openedId();
  drawLook(entry, null);
  clearTimeout(timer);
  // Whoever runs through the list with the arrows asks for what they stop at.
  timer = setTimeout(async () => {
    try {
      const shown = await preview(entry);
      if (isOpen() && found[chosen] === entry && openedId() === conversation) drawLook(entry, shown);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (isOpen() && found[chosen] === entry) $("macro-look").append(element("p", { className: "hint-line warn", textContent: refusal.message }));
    }
  }, 60);
};

const choose = (place) => {
  const rows = [...$("macro-list").querySelectorAll("[role=option]")];
  if (rows.length) {
    chosen = (place + rows.length) % rows.length;
    rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === chosen)));
    rows[chosen].scrollIntoView({ block: "nearest" });
    field().setAttribute("aria-activedescendant", rows[chosen].id);
  } else field().removeAttribute("aria-activedescendant");
  look();
};

export const close = () => {
  if (!isOpen()) return;
  clearTimeout(timer);
  $("macros").hidden = true;
  field()?.removeAttribute("aria-activedescendant");
};

const show = async () => {
  if (!typed() || hooks.busy()) {
    close();
    return;
  }
  try {
    await load();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    toast(refusal.message);
    return;
  }
  // What stands there now, not what stood there when the question was asked.
  const now = field() && typed();
  if (!now) {
    close();
    return;
  }
  if (!isOpen()) {
    language = null;
    previews.clear();
  }
  found = matching(now.word);
  $("macro-list").replaceChildren(...found.map(option));
  if (!found.length) $("macro-list").append(element("p", { className: "none", textContent: say(entries.length ? "no-macro" : "no-macros") }));
  $("macros").hidden = false;
  choose(0);
};

/** Put a macro where "/word" stands; resolves with whether it is there. */
const insert = async (entry, place = typed()) => {
  const conversation = openedId();
  const before = field().value;
  close();
  let shown;
  try {
    shown = await preview(entry);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    toast(refusal.message);
    return false;
  }
  if (openedId() !== conversation || field().value !== before) return false;
  hooks.place(entry.macro, shown, place.start, place.end);
  return true;
};

/** Put a macro where the caret is, as if it had been chosen from the list; resolves with whether it is there. */
export const put = async (id) => {
  if (hooks.busy()) return false;
  language = null;
  previews.clear();
  try {
    await load();
    const entry = entries.find(({ macro }) => macro.id === id) ?? entryOf(await call("GET", `/api/v1/macros/${id}`));
    return await insert(entry, { start: field().selectionStart, end: field().selectionEnd });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    toast(refusal.message);
    return false;
  }
};

const turnLanguage = (step) => {
  const languages = Object.keys(found[chosen].macro.text);
  const current = $("macro-look").querySelector("[aria-pressed=true]")?.dataset.language ?? languages[0];
  language = languages[(languages.indexOf(current) + step + languages.length) % languages.length];
  look();
};

const keys = {
  ArrowDown: () => choose(chosen + 1),
  ArrowUp: () => choose(chosen - 1),
  Enter: () => insert(found[chosen]),
  Escape: close,
  Tab: (event) => {
    const exact = exactly(typed()?.word ?? "");
    if (exact && !event.shiftKey) insert(exact);
    else turnLanguage(event.shiftKey ? -1 : 1);
  },
};

const sendAtOnce = async () => {
  if (await insert(found[chosen])) hooks.send();
};

/** Take a key that is the picker's; returns whether it was. */
export const takeKey = (event) => {
  if (!isOpen() || event.altKey) return false;
  const modified = event.metaKey || event.ctrlKey;
  const sends = modified && event.key === "Enter";
  if ((modified && !sends) || !keys[event.key] || (!found.length && event.key !== "Escape")) return false;
  if (sends) sendAtOnce();
  else keys[event.key](event);
  return true;
};

/** Something was typed: find, or put in place of "/shortcut " what it stands for. */
export const heed = () => {
  if (!field()) return;
  const word = hooks.busy() ? null : typed(/(?:^|\s)\/([^\s/]+) $/);
  if (word && !fetched) {
    // Typed faster than the list came.
    load().then(heed, () => {});
    return;
  }
  const exact = word && exactly(word.word);
  if (exact) insert(exact, word);
  else show();
};

export const open = () => {
  field().focus();
  if (!typed()) {
    const at = field().selectionStart;
    const gap = at > 0 && !/\s/.test(field().value[at - 1]) ? " " : "";
    field().setRangeText(`${gap}/`, at, field().selectionEnd, "end");
  }
  show();
};

/** `busy` says whether macros have no place now, `channel` where a reply goes, `place` takes one in, `send` sends. */
export const start = (given) => {
  hooks = given;
  document.addEventListener("click", (event) => {
    if (!field()) return;
    const row = event.target.closest("#macro-list [data-macro]");
    const tab = event.target.closest("#macro-look [data-language]");
    if (row) insert(found[Number(row.id.slice(6))]);
    else if (tab) {
      language = tab.dataset.language;
      look();
      field().focus();
    } else if (event.target.closest("#macro-button")) open();
    else if (!event.target.closest("#macros, #text")) close();
  });
  document.addEventListener("pointermove", (event) => {
    const row = event.pointerType === "mouse" && event.target.closest("#macro-list [role=option]");
    if (row && row.getAttribute("aria-selected") !== "true") choose(Number(row.id.slice(6)));
  });
};
