// The macro editor in the settings: texts by language, files, buttons, actions, and how all of it arrives.

import { Refusal, call, headers, say, toast } from "./api.js";
import { clear, complain } from "./forms.js";

const $ = (id) => document.getElementById(id);
const form = () => $("macro-form");

let language = "";
let files = []; // {id, name}
let buttons = []; // {title: {language: text}, data}
let actions = []; // as the API has them
let timer = 0;
let asked = 0;

const clone = (id) => $(id).content.cloneNode(true);

const changed = () => {
  clearTimeout(timer);
  timer = setTimeout(tryOut, 250);
  markLanguages();
};

// Languages
const areas = () => [...form().querySelectorAll("textarea[name^='text.']")];

const markLanguages = () => {
  for (const area of areas()) $(`tab-${area.lang}`).classList.toggle("filled", Boolean(area.value.trim()));
};

const turnTo = (name, focus = false) => {
  language = name;
  for (const tab of form().querySelectorAll("[role=tab]")) {
    const here = tab.dataset.language === name;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !here;
    if (here && focus) tab.focus();
  }
  drawButtons();
  changed();
};

// Files
const drawFiles = () => {
  $("macro-files").replaceChildren(
    ...files.map((file) => {
      const tag = clone("file-tag").firstElementChild;
      tag.querySelector(".cut").textContent = file.name;
      tag.querySelector("button").setAttribute("aria-label", say("remove", { name: file.name }));
      tag.querySelector("button").addEventListener("click", () => {
        files = files.filter((other) => other !== file);
        drawFiles();
        changed();
      });
      return tag;
    }),
  );
};

const upload = async (blob) => {
  const body = new FormData();
  body.append("file", blob, blob.name);
  const response = await fetch("/api/v1/attachments", { method: "POST", headers: headers(), body }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!response?.ok) {
    toast(answer?.errors?.[0]?.message ?? answer?.detail ?? say("not-uploaded"));
    return;
  }
  files.push(answer);
  drawFiles();
  changed();
};

// Buttons. What a button says belongs to the language whose text is shown.
const titleOf = ({ title }) => title[language] ?? "";

const drawButtons = () => {
  $("macro-buttons").replaceChildren(
    ...buttons.map((button) => {
      const line = clone("button-line").firstElementChild;
      const [title, data] = line.querySelectorAll("input");
      title.value = titleOf(button);
      title.placeholder = Object.values(button.title)[0] ?? title.placeholder;
      data.value = button.data ?? "";
      title.addEventListener("input", () => {
        if (title.value.trim()) button.title[language] = title.value;
        else delete button.title[language];
        changed();
      });
      data.addEventListener("input", () => {
        button.data = data.value;
        changed();
      });
      line.querySelector("[data-remove]").addEventListener("click", () => {
        buttons = buttons.filter((other) => other !== button);
        drawButtons();
        changed();
      });
      return line;
    }),
  );
};

// Actions
const list = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

const readAction = (line) => {
  const action = { type: line.querySelector("[data-part=type]").value };
  for (const part of line.querySelectorAll("[data-details] [data-part]")) {
    const name = part.dataset.part;
    if (name === "to") {
      const [kind, id] = part.value.split(/:(.*)/);
      action[kind] = id;
    } else if (name === "minutes") action.minutes = Number(part.value);
    else if (name === "add" || name === "remove") action[name] = list(part.value);
    else action[name] = part.value;
  }
  return action;
};

const fillDetails = (line, action) => {
  const place = line.querySelector("[data-details]");
  place.replaceChildren(clone(`details-${action.type}`));
  for (const part of place.querySelectorAll("[data-part]")) {
    const name = part.dataset.part;
    const value = name === "to" ? (action.team_id ? `team_id:${action.team_id}` : action.manager_id && `manager_id:${action.manager_id}`) : action[name];
    if (value === undefined) continue;
    const shown = Array.isArray(value) ? value.join(", ") : String(value);
    // What the lists do not offer (another span, a colleague who left) stays as it is until it is changed.
    if (part.matches("select") && ![...part.options].some((one) => one.value === shown)) part.add(new Option(action.words ?? shown, shown));
    part.value = shown;
  }
};

const drawActions = () => {
  $("macro-actions").replaceChildren(
    ...actions.map((action) => {
      const line = clone("action-line").firstElementChild;
      line.querySelector("[data-part=type]").value = action.type;
      fillDetails(line, action);
      return line;
    }),
  );
};

const readActions = () => {
  actions = [...$("macro-actions").children].map(readAction);
};

// The whole
const body = () => {
  const text = Object.fromEntries(areas().filter((area) => area.value.trim()).map((area) => [area.lang, area.value]));
  return {
    text,
    attachments: files.map((file) => file.id),
    buttons: buttons.filter((button) => Object.keys(button.title).length).map(({ title, data }) => ({ title, data: data ?? "" })),
    actions,
  };
};

/** A refusal in the words of this form: texts stand behind tabs, lines under what they belong to. */
const tell = (refusal, { focus }) => {
  const wrong = Object.keys(refusal.fields).find((name) => name.startsWith("text."));
  if (wrong && focus) turnTo(wrong.slice(5));
  for (const [name, message] of Object.entries(refusal.fields)) {
    const place = form().querySelector(`[data-errors="${name.split(".")[0]}"]`);
    if (!place) continue;
    place.append(Object.assign(document.createElement("p"), { className: "error", textContent: message }));
    delete refusal.fields[name];
  }
  if (focus) complain(form(), refusal);
  else {
    for (const [name, message] of Object.entries(refusal.fields)) {
      const area = form().elements[name];
      if (!area?.matches?.("textarea")) continue;
      area.setAttribute("aria-invalid", "true");
      area.closest(".field").append(Object.assign(document.createElement("p"), { className: "error", textContent: message }));
    }
  }
  if (wrong && focus) showLine(form().elements[wrong], refusal.fields[wrong]);
};

/** Put the caret on the line that a message names. */
const showLine = (area, message) => {
  const line = Number(/^line (\d+)/.exec(message ?? "")?.[1]);
  if (!line) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
};

// How it arrives
const element = (tag, className, ...children) => {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
};

const marked = (text, missing) => {
  if (!missing.length) return [text];
  const names = missing.map((name) => name.replaceAll(".", "\\.")).join("|");
  return text.split(new RegExp(`(\\{\\{ (?:${names}) \\}\\})`, "i")).map((part, place) => {
    if (place % 2 === 0) return part;
    const mark = document.createElement("mark");
    mark.textContent = part.slice(3, -3);
    return mark;
  });
};

const arrival = (title, parts, warnings, shown) => {
  const made = clone("arrival").firstElementChild;
  made.querySelector("h3").textContent = title;
  const phone = made.querySelector(".phone");
  for (const part of parts) {
    const bubble = element("div", "bubble");
    for (const id of part.attachments) {
      const file = shown.attachments.find((one) => one.id === id);
      if (file?.content_type.startsWith("image/")) bubble.append(Object.assign(document.createElement("img"), { src: file.preview_url ?? file.url, alt: file.name }));
      else bubble.append(element("p", "bit", file?.name ?? ""));
    }
    if (part.text) {
      const text = element("div", "text", ...marked(part.text, shown.missing));
      text.dir = "auto";
      bubble.append(text);
    }
    phone.append(bubble);
    if (part.buttons.length) phone.append(element("div", "bits", ...part.buttons.map((name) => element("span", "bit press", name))));
  }
  for (const warning of warnings) phone.append(element("p", "hint", warning));
  return made;
};

const draw = (shown) => {
  $("try-missing").hidden = !shown.missing.length;
  $("try-missing").querySelector("span").textContent = say("macro-missing", { names: shown.missing.join(", ") });
  const plain = { text: shown.text, attachments: shown.attachments.map((file) => file.id), buttons: shown.buttons.map((one) => one.title) };
  const arrivals = shown.channels.map((one) => arrival(one.title === one.name ? one.title : `${one.title} · ${one.name}`, one.parts, one.warnings, shown));
  $("try-channels").replaceChildren(...(arrivals.length ? arrivals : [arrival("", [plain], [], shown)]));
  const done = shown.actions.map((action) => element("span", "bit", action.words));
  if (done.length) $("try-channels").append(element("div", "bits deeds", ...done));
};

const tryOut = async () => {
  if (!form()) return;
  const now = (asked += 1);
  const draft = body();
  clear(form());
  if (!Object.keys(draft.text).length) {
    $("try-channels").replaceChildren();
    $("try-missing").hidden = true;
    return;
  }
  if ($("try-conversation").value) draft.conversation_id = $("try-conversation").value;
  if (language in draft.text) draft.language = language;
  try {
    const shown = await call("POST", "/api/v1/macros/preview", draft);
    if (now === asked && form()) draw(shown);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (now !== asked || !form()) return;
    if (refusal.status === 422) tell(refusal, { focus: false });
    else toast(refusal.message);
  }
};

const save = async () => {
  const { macro } = form().dataset;
  const { name, shortcut, folder, shared } = form().elements;
  const whole = { ...body(), name: name.value, shortcut: shortcut.value, folder: folder.value };
  if (shared) whole.shared = shared.checked;
  clearTimeout(timer);
  asked += 1;
  clear(form());
  const button = form().querySelector("[type=submit]");
  button.disabled = true;
  try {
    const kept = await call(macro ? "PATCH" : "POST", macro ? `/api/v1/macros/${macro}` : "/api/v1/macros", whole);
    if (!macro) {
      location.href = `/settings/macros/${kept.id}`;
      return;
    }
    document.querySelector(".intro h1").textContent = kept.name;
    ({ attachments: files } = kept);
    drawFiles();
    toast(say("saved"));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    tell(refusal, { focus: true });
  }
  button.disabled = false;
};

const insertVariable = (name) => {
  const area = areas().find((one) => one.lang === language);
  area.setRangeText(`{{ ${name} }}`, area.selectionStart, area.selectionEnd, "end");
  $("variables").open = false;
  area.focus();
  changed();
};

const arrive = () => {
  if (!form() || form().dataset.bound) return;
  form().dataset.bound = "yes";
  ({ files, buttons, actions } = JSON.parse($("macro-data").textContent));
  drawFiles();
  drawActions();
  turnTo(form().querySelector("[role=tab]").dataset.language);
};

/** Hide what does not have the words that are looked for, and folders that are empty then. */
const sift = (words) => {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const folder of document.querySelectorAll("[data-folder]")) {
    let here = 0;
    for (const row of folder.querySelectorAll("[data-sift]")) {
      row.hidden = !wanted.every((word) => row.dataset.sift.toLowerCase().includes(word));
      here += row.hidden ? 0 : 1;
    }
    folder.hidden = !here;
    left += here;
  }
  $("sifted-out").hidden = left > 0;
};

export const start = () => {
  arrive();
  document.addEventListener("htmx:afterSettle", arrive);
  document.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    event.preventDefault();
    save();
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "sift") sift(event.target.value);
    if (!event.target.closest("#macro-form")) return;
    if (event.target.closest("#macro-actions")) readActions();
    changed();
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "macro-file") {
      for (const blob of event.target.files) upload(blob);
      event.target.value = "";
    }
    const line = event.target.closest("#macro-actions .line");
    if (line && event.target.dataset.part === "type") {
      fillDetails(line, { type: event.target.value });
      readActions();
      changed();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#macro-form")) return;
    const tab = event.target.closest("[role=tab]");
    const variable = event.target.closest("[data-variable]");
    const removed = event.target.closest("#macro-actions [data-remove]");
    if (tab) turnTo(tab.dataset.language);
    else if (variable) insertVariable(variable.dataset.variable);
    else if (event.target.closest("#add-file")) $("macro-file").click();
    else if (event.target.closest("#add-button")) {
      buttons.push({ title: {} });
      drawButtons();
      $("macro-buttons").lastElementChild.querySelector("input").focus();
    } else if (event.target.closest("#add-action")) {
      readActions();
      actions.push({ type: "label" });
      drawActions();
      $("macro-actions").lastElementChild.querySelector("select").focus();
    } else if (removed) {
      removed.closest(".line").remove();
      readActions();
      changed();
    }
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const tabs = event.target.matches?.("#macro-form [role=tab]") && [...form().querySelectorAll("[role=tab]")];
    if (step && tabs) turnTo(tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length].dataset.language, true);
  });
};
