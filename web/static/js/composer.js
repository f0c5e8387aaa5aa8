// Writing: reply or note, files, quotes, edits, macros, drafts; what was sent stands in the thread before the server answers.

import { Refusal, call, headers, refresh, say, signInAgain, sure, texts, toast, token } from "./api.js";
import { quiet } from "./company.js";
import { openedId } from "./desk.js";
import * as macros from "./macros.js";

const $ = (id) => document.getElementById(id);
const form = () => $("composer");
const field = () => $("text");

// What is kept in the browser: drafts, and messages that no answer has come for.
const stored = (key, empty) => {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? empty;
  } catch {
    return empty;
  }
};

const store = (key, value) => {
  const nothing = value === null || (Array.isArray(value) && !value.length);
  if (nothing) localStorage.removeItem(key);
  else localStorage.setItem(key, JSON.stringify(value));
};

const draftKey = (conversation) => `draft:${conversation}`;
const unsentKey = (conversation) => `unsent:${conversation}`;

export const entersSend = () => localStorage.getItem("enter-sends") === "yes";

// State of the composer on the page; a new conversation brings a new one.
let files = [];
let target = null; // {kind: "quote" | "edit", id, text}
let carried = null; // {macro, buttons, actions, missing, order}: what came with a macro

const saveDraft = () => {
  const conversation = form()?.dataset.conversation;
  if (!conversation || target?.kind === "edit") return;
  const kept = files.filter((file) => file.id).map(({ id, name, size }) => ({ id, name, size }));
  const text = field().value;
  const mode = form().dataset.mode;
  const quote = target?.kind === "quote" ? target : null;
  const via = form().dataset.channel;
  store(draftKey(conversation), text.trim() || kept.length ? { text, mode, files: kept, quote, carried, via } : null);
};

/** What was begun in one conversation goes on in another, where nothing was begun yet. */
export const moveDraft = (from, to) => {
  saveDraft();
  for (const key of [draftKey, unsentKey]) {
    const begun = stored(key(from), null);
    if (begun !== null && stored(key(to), null) === null) store(key(to), begun);
    store(key(from), null);
  }
};

const setMode = (mode) => {
  form().dataset.mode = mode;
  for (const button of form().querySelectorAll(".modes [data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  field().placeholder = field().dataset[mode];
  const label = $("send").firstElementChild;
  label.textContent = target?.kind === "edit" ? say("save") : label.dataset[mode];
  const off = mode === "reply" && form().dataset.media === "no";
  $("attach").disabled = off;
  count();
};

export const write = (mode) => {
  if (!form()) return;
  setMode(mode);
  field().focus();
};

const count = () => {
  const limit = Number(form().dataset.limit);
  const text = field().value;
  const length = form().dataset.unit === "utf8" ? new TextEncoder().encode(text).length : form().dataset.unit === "utf16" ? text.length : [...text].length;
  const parts = limit && form().dataset.mode === "reply" ? Math.ceil(length / limit) : 1;
  $("count").hidden = parts < 2;
  $("count").textContent = parts < 2 ? "" : say("parts", { count: parts });
};

// By which channel
const wayTo = (channel) => document.querySelector(`#via .way[data-via="${CSS.escape(channel)}"]`);

/** What is said of a channel above the composer is said of the chosen one. */
const showHints = () => {
  for (const hint of document.querySelectorAll("#hints [data-of]")) hint.hidden = hint.dataset.of !== form().dataset.channel;
};

/** Have the answer go by this channel: with its limits, and what it cannot carry. */
const setVia = (channel) => {
  const way = wayTo(channel);
  if (!way) return;
  const { limit, unit, buttons, files: why } = way.dataset;
  Object.assign(form().dataset, { channel, limit, unit, buttons, media: why ? "no" : "yes" });
  for (const other of document.querySelectorAll("#via .way")) other.setAttribute("aria-pressed", String(other === way));
  document.querySelector("#via summary .via-now").replaceWith(way.querySelector(".via-now").cloneNode(true));
  $("attach").title = why || $("attach").dataset.title;
  setMode(form().dataset.mode);
  drawCarried();
  showHints();
};

const chooseVia = (channel) => {
  setVia(channel);
  saveDraft();
  field().focus();
};

/** The next channel that takes an answer now. */
const nextVia = () => {
  const open = [...document.querySelectorAll("#via .way:not(:disabled)")];
  const present = open.findIndex((way) => way.dataset.via === form().dataset.channel);
  if (open.length > 1) chooseVia(open[(present + 1) % open.length].dataset.via);
};

// Quoting and editing
const setTarget = (next) => {
  target = next;
  const strip = $("strip");
  strip.hidden = !next;
  if (next) {
    strip.querySelector("b").textContent = say(next.kind === "edit" ? "editing" : "replying");
    strip.querySelector("span").textContent = next.text || say("wordless");
  }
  $("aloud").hidden = !next?.public;
  $("aloud").value = next?.private ? "private" : "public";
  setMode(form().dataset.mode);
};

const textOf = (id) => $(`m-${id}`)?.querySelector(".bubble > .text")?.textContent ?? "";

const tools = {
  quote: (id) => {
    setTarget({ kind: "quote", id, text: textOf(id).slice(0, 140), public: "public" in $(`m-${id}`).dataset });
    write("reply");
    saveDraft();
  },
  edit: (id) => {
    saveDraft();
    setTarget({ kind: "edit", id, text: textOf(id).slice(0, 140) });
    field().value = textOf(id);
    field().focus();
  },
  copy: (id) => navigator.clipboard.writeText(textOf(id)).then(() => toast(say("copied"))),
  unsend: async (id) => {
    if (!(await sure(say("unsend-question"), say("unsend")))) return;
    try {
      await call("DELETE", `/api/v1/messages/${id}`);
    } catch (refusal) {
      toast(refusal.message);
    }
    refresh("live:messages", "live:list");
  },
};

const leaveTarget = () => {
  const edited = target?.kind === "edit";
  setTarget(null);
  if (edited) restore();
  else saveDraft();
};

const saveEdit = async () => {
  const { id } = target;
  const text = field().value.trim();
  if (!text) return;
  // At once: what is written while the answer is on its way is another message, perhaps a note.
  leaveTarget();
  try {
    await call("PATCH", `/api/v1/messages/${id}`, { text });
  } catch (refusal) {
    toast(refusal.message);
    if ($(`m-${id}`) && !target && !field().value.trim()) {
      tools.edit(id);
      field().value = text;
    }
    return;
  }
  refresh("live:messages", "live:list");
};

// Files
const sizeWords = (bytes) => (bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

const chip = (file) => {
  const box = $("file-chip").content.firstElementChild.cloneNode(true);
  box.querySelector(".cut").textContent = file.name;
  box.querySelector("small").textContent = sizeWords(file.size);
  const remove = box.querySelector("button");
  remove.setAttribute("aria-label", say("remove", { name: file.name }));
  remove.addEventListener("click", () => {
    file.request?.abort();
    files = files.filter((other) => other !== file);
    box.remove();
    ready();
    saveDraft();
  });
  if (file.blob?.type.startsWith("image/")) {
    const image = Object.assign(document.createElement("img"), { className: "sq", alt: "", src: URL.createObjectURL(file.blob) });
    box.querySelector(".sq").replaceWith(image);
  }
  file.box = box;
  $("chips").append(box);
};

const done = (file, id) => {
  file.id = id;
  file.box.querySelector("progress").remove();
  ready();
  saveDraft();
};

const failed = (file, text) => {
  file.failed = true;
  file.box.classList.add("bad");
  file.box.querySelector("progress")?.remove();
  file.box.querySelector("small").textContent = text;
  ready();
};

const upload = (blob) => {
  const file = { name: blob.name || say("picture"), size: blob.size, blob };
  files.push(file);
  chip(file);
  const request = new XMLHttpRequest();
  file.request = request;
  const body = new FormData();
  body.append("file", blob, file.name);
  request.open("POST", "/api/v1/attachments");
  request.responseType = "json";
  for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => {
    file.box.querySelector("progress").value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    if (request.status === 401) signInAgain();
    if (request.status === 201) done(file, request.response.id);
    else failed(file, request.response?.errors?.[0]?.message ?? request.response?.detail ?? say("broken"));
  });
  request.addEventListener("error", () => failed(file, say("not-uploaded")));
  request.send(body);
  ready();
};

const addFiles = (list) => {
  if (form().dataset.mode === "reply" && form().dataset.media === "no") {
    toast($("attach").title);
    return;
  }
  for (const blob of list) {
    if (files.length >= 10) {
      toast(say("ten"));
      return;
    }
    upload(blob);
  }
};

const uploading = () => files.some((file) => !file.id && !file.failed);

const ready = () => {
  $("send").disabled = uploading();
};

// Sending. Messages of one conversation go one after the other, so that they arrive in the order they were written.
const waiting = new Map(); // conversation -> entries {body, error?, sent?, box?}
let queue = Promise.resolve();

const entriesOf = (conversation) => {
  if (!waiting.has(conversation)) {
    // What a reload interrupted: the token makes a second try harmless.
    const kept = stored(unsentKey(conversation), []);
    waiting.set(conversation, kept.map(({ body, draft, error }) => ({ body, draft, error: error ?? say("interrupted") })));
  }
  return waiting.get(conversation);
};

const keepUnsent = (conversation) => {
  const left = entriesOf(conversation).filter((entry) => !entry.sent);
  store(unsentKey(conversation), left.map(({ body, draft, error }) => ({ body, draft, error })));
};

const draw = (entry) => {
  const box = $("pending-message").content.firstElementChild.cloneNode(true);
  const { body } = entry;
  box.classList.toggle("out", body.kind === "reply");
  box.classList.toggle("note", body.kind === "note");
  box.querySelector(".text").textContent = body.text;
  if (!body.text) box.querySelector(".text").textContent = say("files", { count: body.attachments.length });
  entry.box = box;
  $("pending").append(box);
  showState(entry);
};

const showState = ({ box, error }) => {
  if (!box) return;
  box.querySelector(".m").classList.toggle("sending", !error);
  box.querySelector(".m").classList.toggle("failed", Boolean(error));
  box.querySelector(".state").hidden = Boolean(error);
  box.querySelector(".trouble").hidden = !error;
  box.querySelector(".trouble > span").textContent = error ?? "";
};

const post = (conversation, entry) => {
  delete entry.error;
  showState(entry);
  queue = queue.then(async () => {
    try {
      const message = await call("POST", `/api/v1/conversations/${conversation}/messages`, entry.body);
      entry.sent = message.id;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (refusal.newer.length && conversation === openedId() && form()) {
        askFirst(conversation, entry, refusal.newer);
        return;
      }
      if (refusal.newer.length) entry.error = say("overtaken", { name: nameOf(refusal.newer.at(-1)) });
      else entry.error = refusal.status === 0 ? say("not-sent-offline") : say("not-sent", { reason: refusal.message });
      showState(entry);
    }
    keepUnsent(conversation);
    if (entry.sent) refresh("live:messages", "live:bar", "live:list", "live:me");
  });
};

// What others said since the writer began. Nothing goes over it before the writer has been asked.
let newer = [];
let again = null; // The token under which what was asked about goes when it is said again.
let acknowledged = null; // The last message that the writer was told of, which the thread may not show yet.

/** The message that came last of those that the writer knows of. */
const seen = () => (acknowledged && !$(`m-${acknowledged}`) ? acknowledged : $("messages")?.dataset.seen);

const nameOf = (message) => message.author.name || say("colleague");

const ago = (time) => {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(time)) / 1000));
  if (seconds < 5) return say("ago-now");
  return seconds < 60 ? say("ago-seconds", { count: seconds }) : say("ago-minutes", { count: Math.floor(seconds / 60) });
};

const drawNewer = () => {
  const place = $("newer");
  if (!place) return;
  const last = newer.at(-1);
  place.hidden = !last;
  if (!last) return;
  const title = say(last.direction === "in" ? "wrote" : "answered", { name: nameOf(last) });
  // It is read aloud when it changes; how long ago it was changes all the time.
  if (place.querySelector("[data-who]").textContent !== title) place.querySelector("[data-who]").textContent = title;
  const more = newer.length > 1 ? [say("and-more", { count: newer.length - 1 })] : [];
  place.querySelector("[data-when]").textContent = [ago(last.created_at), ...more].join(", ");
  place.querySelector("[data-what]").textContent = last.text || say("wordless");
};

setInterval(() => newer.length && drawNewer(), 5000);

/** A reply of a colleague came while something is being written here. */
export const answered = (message) => {
  if (!form() || message.conversation_id !== openedId() || target?.kind === "edit") return;
  const ours = message.author.id === document.body.dataset.me;
  if (message.direction !== "out" || ours || message.notice || (!field().value.trim() && !files.length)) return;
  newer.push(message);
  drawNewer();
};

/** The server holds a reply back because of what is newer: it is in the text field again, as it was. */
const askFirst = (conversation, entry, messages) => {
  again = field().value.trim() || files.length ? null : entry.body.client_token;
  takeBack(conversation, entry);
  newer = messages;
  drawNewer();
  refresh("live:messages");
};

/** What was to be sent is being written again, with all that came along. */
const takeBack = (conversation, entry) => {
  waiting.set(conversation, entriesOf(conversation).filter((one) => one !== entry));
  keepUnsent(conversation);
  entry.box?.remove();
  const { files: kept = [], quote = null, carried: along = null, via = null } = entry.draft ?? {};
  field().value = [entry.body.text, field().value].filter(Boolean).join("\n");
  for (const one of kept) {
    if (files.some((file) => file.id === one.id)) continue;
    const file = { ...one };
    files.push(file);
    chip(file);
    done(file, one.id);
  }
  carried ??= along;
  if (via && !wayTo(via)?.disabled) setVia(via);
  drawCarried();
  setMode(entry.body.kind);
  setTarget(target ?? quote);
  saveDraft();
};

const settleNewer = () => {
  acknowledged = newer.at(-1)?.id ?? acknowledged;
  newer = [];
  drawNewer();
};

document.addEventListener("click", (event) => {
  if (event.target.closest("#send-anyway")) {
    settleNewer();
    send();
  } else if (event.target.closest("#look-first")) {
    settleNewer();
    $("msgs").scrollTo({ top: 0 });
    field().focus();
  }
});

/** Take away what the thread shows by itself now. */
const settlePending = () => {
  const conversation = openedId();
  if (!conversation || !$("pending")) return;
  const left = entriesOf(conversation).filter((entry) => {
    const shown = document.querySelector(`#messages [data-token="${entry.body.client_token}"]`);
    if (shown) entry.box?.remove();
    return !shown;
  });
  waiting.set(conversation, left);
  keepUnsent(conversation);
};

/** What came with a macro goes with it as far as it was left there: what the body names, the server does not add. */
const addCarried = (body, attachments) => {
  if (body.text) Object.assign(body, { macro_id: carried.macro, attachments });
  if (body.kind !== "reply") return;
  body.buttons = carried.buttons;
  body.actions = carried.actions.map(({ words, ...action }) => action);
  if (carried.order) body.order = carried.order;
};

const send = () => {
  if (target?.kind === "edit") {
    saveEdit();
    return;
  }
  const text = field().value.trim();
  const attachments = files.filter((file) => file.id).map((file) => file.id);
  if (uploading() || (!text && !attachments.length)) {
    field().focus();
    return;
  }
  const unfilled = showGap();
  if (unfilled) {
    toast(say("macro-missing", { names: unfilled.name }));
    field().focus();
    return;
  }
  const conversation = openedId();
  const kind = form().dataset.mode;
  if (kind === "reply" && newer.length) {
    $("send-anyway").focus();
    return;
  }
  const body = { kind, text, client_token: again ?? token() };
  if (kind === "reply" && seen()) body.seen = seen();
  if (attachments.length) body.attachments = attachments;
  if (carried) addCarried(body, attachments);
  if (body.kind === "reply" && $("via")) body.channel_id = form().dataset.channel;
  if (body.kind === "reply" && target) body.reply_to = target.id;
  if (body.kind === "reply" && target?.public) body.private = $("aloud").value === "private";
  const kept = files.filter((file) => file.id).map(({ id, name, size }) => ({ id, name, size }));
  const entry = { body, draft: { files: kept, quote: target, carried, via: body.channel_id } };
  entriesOf(conversation).push(entry);
  keepUnsent(conversation);
  files = [];
  carried = null;
  again = null;
  quiet();
  $("chips").replaceChildren();
  drawCarried();
  field().value = "";
  setTarget(null);
  setMode("reply");
  saveDraft();
  draw(entry);
  $("msgs").scrollTo({ top: 0 });
  post(conversation, entry);
  field().focus();
};

document.addEventListener("click", (event) => {
  const box = event.target.closest("#pending .group");
  if (!box || !event.target.closest("[data-again], [data-drop]")) return;
  const conversation = openedId();
  const entry = entriesOf(conversation).find((one) => one.box === box);
  if (event.target.closest("[data-again]")) {
    // The thread above it shows by now what was said meanwhile.
    if (entry.body.seen) entry.body.seen = seen();
    post(conversation, entry);
    return;
  }
  takeBack(conversation, entry);
  field().focus();
});

// What a macro brings along beside its text: chips that can be taken away.
const carriedChip = (image, text, remove) => {
  const box = $("carried-chip").content.firstElementChild.cloneNode(true);
  const use = box.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${image}`));
  box.querySelector(".cut").textContent = text;
  const button = box.querySelector("button");
  button.setAttribute("aria-label", say("remove", { name: text }));
  button.addEventListener("click", () => {
    remove();
    drawCarried();
    saveDraft();
    field().focus();
  });
  return box;
};

const drawCarried = () => {
  const { buttons = [], actions = [] } = carried ?? {};
  const without = (list, one) => list.filter((other) => other !== one);
  const numbered = buttons.length > Number(form().dataset.buttons);
  $("carried").replaceChildren(
    ...buttons.map((one) => carriedChip("hand", one.title, () => (carried.buttons = without(carried.buttons, one)))),
    ...actions.map((one) => carriedChip("zap", one.words, () => (carried.actions = without(carried.actions, one)))),
    ...(numbered ? [Object.assign(document.createElement("small"), { className: "aside", textContent: say("numbered") })] : []),
  );
};

/** Where a macro's variable without a value still stands in the text: `{name, start, end}`. */
const gap = () => {
  for (const name of carried?.missing ?? []) {
    const found = new RegExp(`\\{\\{ ${name.replaceAll(".", "\\.")} \\}\\}`, "i").exec(field().value);
    if (found) return { name, start: found.index, end: found.index + found[0].length };
  }
  return null;
};

/** Put the caret over what is still to be filled in; returns whether there was something. */
const showGap = () => {
  const found = gap();
  if (found) field().setSelectionRange(found.start, found.end);
  return found;
};

const placeMacro = (macro, shown, start, end) => {
  field().setRangeText(shown.text, start, end, "end");
  for (const { id, name, size } of shown.attachments) {
    if (files.some((file) => file.id === id)) continue;
    const file = { id, name, size };
    files.push(file);
    chip(file);
    done(file, id);
  }
  const { buttons = [], actions = [], missing = [] } = carried ?? {};
  carried = {
    macro: macro.id,
    buttons: [...buttons, ...shown.buttons.filter((one) => !buttons.some((other) => other.data === one.data))],
    actions: [...actions, ...shown.actions.filter((one) => !actions.some((other) => other.words === one.words))],
    missing: [...missing, ...shown.missing],
    order: shown.order?.id ?? carried?.order,
  };
  drawCarried();
  field().focus();
  showGap();
  changed();
};

// Typing
let told = 0;

const changed = () => {
  saveDraft();
  count();
  macros.heed();
  if (form().dataset.mode === "reply" && field().value.trim() && Date.now() - told > 4000) {
    told = Date.now();
    call("POST", `/api/v1/conversations/${openedId()}/typing`).catch(() => {});
  }
};

document.addEventListener("keydown", (event) => {
  if (event.target.id !== "text" || event.isComposing) return;
  if (macros.takeKey(event)) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  if (event.altKey && event.code === "KeyC") {
    event.preventDefault();
    nextVia();
    return;
  }
  const modified = event.metaKey || event.ctrlKey;
  if (event.key === "Enter" && (modified || (entersSend() && !event.shiftKey && !event.altKey))) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape") {
    event.stopPropagation();
    if (target) leaveTarget();
    else field().blur();
  }
}, true);

document.addEventListener("input", (event) => {
  if (event.target.id === "text") changed();
});

document.addEventListener("click", (event) => {
  if (!form()) return;
  const tool = event.target.closest("[data-tool]");
  const via = event.target.closest("[data-via]");
  const mode = event.target.closest(".modes [data-mode]");
  if (tool) tools[tool.dataset.tool](tool.dataset.id);
  else if (mode) {
    write(mode.dataset.mode);
    saveDraft();
  } else if (event.target.closest("#attach")) $("files").click();
  else if (event.target.closest("#strip button")) leaveTarget();
  if (via && !via.disabled) {
    chooseVia(via.dataset.via);
    if ($("via")) $("via").open = false;
  }
  if (tool) tool.closest("details").open = false;
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "composer") return;
  event.preventDefault();
  send();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "aloud") {
    target.private = event.target.value === "private";
    saveDraft();
  }
  if (event.target.id !== "files") return;
  addFiles(event.target.files);
  event.target.value = "";
});

document.addEventListener("paste", (event) => {
  if (event.target.id !== "text" || !event.clipboardData.files.length) return;
  event.preventDefault();
  addFiles(event.clipboardData.files);
});

const overThread = (event) => form() && event.target.closest?.(".thread") && event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!overThread(event)) return;
  event.preventDefault();
  form().classList.add("dropping");
});

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget?.closest?.(".thread")) form()?.classList.remove("dropping");
});

document.addEventListener("drop", (event) => {
  if (!overThread(event)) return;
  event.preventDefault();
  form().classList.remove("dropping");
  addFiles(event.dataTransfer.files);
});

/** Whoever spoke last in public is answered there, unless one chooses otherwise: an answer to nothing may not arrive. */
const comment = () => {
  const last = [...document.querySelectorAll("#messages .group.in .m")].at(-1);
  if (!last || !("public" in last.dataset)) return null;
  const id = last.id.slice(2);
  return { kind: "quote", id, text: textOf(id).slice(0, 140), public: true };
};

/** Put back what was being written here. */
const restore = () => {
  const draft = stored(draftKey(form().dataset.conversation), { text: "", mode: "reply", files: [] });
  files = [];
  carried = draft.carried ?? null;
  $("chips").replaceChildren();
  drawCarried();
  field().value = draft.text;
  for (const kept of draft.files) {
    const file = { ...kept };
    files.push(file);
    chip(file);
    done(file, kept.id);
  }
  target = null;
  if (draft.via && !wayTo(draft.via)?.disabled) setVia(draft.via);
  setMode(draft.mode);
  setTarget(draft.quote ?? comment());
  ready();
};

const showDrafts = () => {
  for (const row of document.querySelectorAll(".row")) {
    const id = row.id.slice(2);
    const draft = id !== openedId() && stored(draftKey(id), null);
    if (!draft?.text?.trim()) continue;
    const label = Object.assign(document.createElement("span"), { className: "draft", textContent: `${texts.draft} ` });
    row.querySelector("[data-preview]").replaceChildren(label, draft.text);
  }
};

/** A thread came onto the page: bind it to what is kept for it. */
const arrive = () => {
  if (!form() || form().dataset.bound) return;
  form().dataset.bound = "yes";
  newer = [];
  again = null;
  acknowledged = null;
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  const keys = form().querySelector("[data-send-keys]");
  keys.textContent = entersSend() ? "↵" : mac ? "⌘ ↵" : "Ctrl ↵";
  restore();
  macros.warm();
  for (const entry of entriesOf(openedId())) draw(entry);
  settlePending();
  if (document.querySelector(".row[aria-current] .draft")) refresh("live:list");
  if (matchMedia("(hover: hover)").matches && !document.activeElement?.closest(".row, #find, dialog")) field().focus();
};

export const start = () => {
  macros.start({
    busy: () => target?.kind === "edit",
    channel: () => form().dataset.channel,
    place: placeMacro,
    send,
  });
  document.addEventListener("htmx:afterSettle", () => {
    arrive();
    if (form()) showHints();
    settlePending();
    showDrafts();
  });
  arrive();
  showDrafts();
};
