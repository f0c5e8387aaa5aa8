// Settings > Rules: the list in its order, and the editor of one rule.
//
// A field of the editor stands in an element with `data-field`, its key in the rule's JSON ("": its keys join those
// around it); `data-as` names how it is read and filled. A part (a condition, an action) is an element with `data-part`,
// its type, made from the template `{list}-{type}`. What its form would not give back exactly is shown as JSON.

import { Refusal, call, say, sure, texts, toast } from "./api.js";
import { tryAll, tryDraft } from "./dry-run.js";
import { clear } from "./forms.js";
import { fill as fillWeek, read as readWeek } from "./hours.js";

const $ = (id) => document.getElementById(id);
const form = $("rule-form");
const data = JSON.parse($("rules-data").textContent);
Object.assign(texts, data.texts);

const WORDS = new Set(["text", "title", "again"]);
const SCOPE = "[data-part], [data-row], [data-as=group]";
const TRY_AFTER_MS = 400;
const REFERENCES = ["for", "aria-describedby", "aria-labelledby", "aria-controls"];

const announce = (text) => {
  $("rules-said").textContent = text;
};

// Templates
let made = 0;

/** What a template holds, with ids, references and names of its own. */
const clone = (id) => {
  const content = $(id).content.cloneNode(true);
  made += 1;
  for (const one of content.querySelectorAll("[id]")) one.id += `-${made}`;
  for (const name of REFERENCES) {
    for (const one of content.querySelectorAll(`[${name}]`)) one.setAttribute(name, one.getAttribute(name).replace(/\S+/g, `$&-${made}`));
  }
  return content.firstElementChild;
};

// Fields: how each kind is read (undefined: not said) and filled (undefined: as the template has it).
let unreadable = {};

const control = (field) => field.querySelector("input, select, textarea");
const split = (text, by) => text.split(by).map((entry) => entry.trim()).filter(Boolean);

/** Choose a value of a list; one that it does not offer (a colleague who left) is offered as it is. */
const choose = (select, value, words = data.names[value] ?? value) => {
  if (select.matches("select") && ![...select.options].some((one) => one.value === value)) select.add(new Option(words, value));
  select.value = value;
};

const boxes = (field) => [...field.querySelectorAll("input[type=checkbox]")];
const panels = (field) => [...field.querySelectorAll("[data-language]:not([role=tab])")];

const KINDS = {
  text: {
    read: (field) => control(field).value.trim() || undefined,
    // Browsers write the midnight that ends a day as 00:00.
    fill: (field, value) => choose(control(field), control(field).type === "time" ? String(value).replace("24:00", "00:00") : String(value)),
  },
  number: {
    read: (field) => (control(field).value === "" ? undefined : Number(control(field).value)),
    fill: (field, value) => choose(control(field), String(value), field.dataset.field === "minutes" ? say("minutes", { count: value }) : String(value)),
  },
  flag: {
    read: (field) => control(field).checked,
    fill: (field, value) => {
      control(field).checked = value;
    },
  },
  list: {
    read: (field) => split(control(field).value, ","),
    fill: (field, value) => {
      control(field).value = value.join(", ");
    },
  },
  lines: {
    read: (field) => split(control(field).value, "\n"),
    fill: (field, value) => {
      control(field).value = value.join("\n");
    },
  },
  set: {
    read: (field) => boxes(field).filter((box) => box.checked).map((box) => box.value),
    fill: (field, value) => {
      for (const missing of value.filter((one) => !boxes(field).some((box) => box.value === one))) {
        const label = boxes(field)[0]?.closest("label").cloneNode();
        label?.append(Object.assign(document.createElement("input"), { type: "checkbox", value: missing, className: "sr" }), data.names[missing] ?? missing);
        if (label) field.querySelector(".pick").append(label);
      }
      for (const box of boxes(field)) box.checked = value.includes(box.value);
    },
  },
  texts: {
    read: (field, path) => {
      const told = {};
      for (const panel of panels(field)) {
        panel.dataset.path = `${path}.${panel.dataset.language}`;
        if (control(panel).value.trim()) told[panel.dataset.language] = control(panel).value.trim();
      }
      return Object.keys(told).length ? told : undefined;
    },
    fill: (field, value) => {
      const told = spoken(value);
      for (const panel of panels(field)) control(panel).value = told[panel.dataset.language] ?? "";
    },
  },
  // Where nothing is said of its own: as the title beside it, in its first language.
  named: {
    read: (field) => control(field).value.trim() || titleBeside(field),
    fill: (field, value, part) => {
      control(field).value = value === firstOf(spoken(part.title)) ? "" : value;
    },
  },
  // One of two keys: `manager_id:…` or `team_id:…`.
  who: {
    read: (field) => {
      const [key, id] = control(field).value.split(/:(.*)/);
      return { [key]: id };
    },
    fill: (field, _, part) => {
      const key = ["manager_id", "team_id"].find((one) => part[one]);
      if (key) choose(control(field), `${key}:${part[key]}`);
    },
  },
  // Nothing of its own: which of the fields below are said. A choice names its key: `schedule`, `empty=true`.
  which: {
    read: () => undefined,
    fill: (field, _, part) => {
      const chosen = [...control(field).options].find(({ dataset: { key } }) => {
        const [name, value] = key.split("=");
        return isSaid(part, name) && (value === undefined || String(part[name]) === value);
      });
      if (chosen) control(field).value = chosen.value;
    },
  },
  fixed: {
    read: (field) => JSON.parse(field.dataset.value),
    fill: () => {},
  },
  week: {
    read: (field, path) => {
      const week = field.querySelector("[data-week]");
      week.dataset.week = path;
      week.querySelector("[data-zone]").name = `${path}.timezone`;
      return readWeek(week);
    },
    fill: (field, value) => fillWeek(field.querySelector("[data-week]"), value),
  },
  json: {
    read: (field, path) => {
      try {
        const told = JSON.parse(control(field).value);
        if (typeof told !== "object" || told === null || Array.isArray(told)) throw new SyntaxError();
        return told;
      } catch {
        unreadable[path] = say("rule-not-json");
        return { "": control(field).value };
      }
    },
    fill: (field, value, part) => {
      control(field).value = JSON.stringify(field.dataset.field ? value : part, null, 2);
    },
  },
  group: {
    read: (field, path) => readFields(field, path),
    fill: (field, value) => fillFields(field, value),
  },
  parts: {
    read: (field, path) => [...listIn(field).children].map((part, place) => readPart(part, `${path}.${place}`)),
    fill: (field, value) => {
      const depth = field.closest("[data-depth]") ? Number(field.closest("[data-depth]").dataset.depth) + 1 : 0;
      listIn(field).replaceChildren(...value.map((part) => makePart(field.dataset.list, part, depth)));
    },
  },
  rows: {
    read: (field, path) => [...listIn(field).children].map((row, place) => readRow(row, `${path}.${place}`)),
    fill: (field, value) => {
      listIn(field).replaceChildren();
      for (const row of value) addRow(field, row);
    },
  },
};

/** An empty list is what is not said, but for what is done when no answer fits: then nothing is. */
const isSaid = (part, key) => key in part && (key === "otherwise" || !Array.isArray(part[key]) || part[key].length > 0);

const firstOf = (words) => data.languages.map((name) => words[name]).find(Boolean);

const titleBeside = (field) => {
  const title = own(field.parentElement.closest(SCOPE)).find((one) => one.dataset.field === "title");
  return firstOf(KINDS.texts.read(title, title.dataset.path) ?? {});
};

const kindOf = (field) => KINDS[field.dataset.as ?? "text"];
const listIn = (field) => field.querySelector(":scope > ol");
const own = (scope) => [...scope.querySelectorAll("[data-field]")].filter((field) => field.parentElement.closest(SCOPE) === scope);

/** A text for everybody is one in the shop's first language: whoever reads another gets that. */
const spoken = (text) => (typeof text === "string" ? { [data.languages[0]]: text } : (text ?? {}));

const readFields = (scope, path) => {
  const told = {};
  for (const field of own(scope)) {
    const { field: key } = field.dataset;
    const place = [path, key].filter(Boolean).join(".");
    field.dataset.path = place;
    if (field.closest("[data-when][hidden]")) continue;
    const value = kindOf(field).read(field, place);
    if (value === undefined) continue;
    if (key) told[key] = value;
    else Object.assign(told, value);
  }
  return told;
};

/** Fill what is shown; that may show more, which is filled then. */
const fillFields = (scope, part) => {
  const left = new Set(own(scope));
  for (let count = -1; count !== left.size; ) {
    count = left.size;
    showWhen(scope);
    for (const field of left) {
      if (field.closest("[data-when][hidden]")) continue;
      left.delete(field);
      const value = part[field.dataset.field];
      if (value !== undefined || !field.dataset.field || field.dataset.as === "which") kindOf(field).fill(field, value, part);
    }
  }
};

const readRow = (row, path) => {
  row.dataset.path = path;
  return readFields(row, path);
};

const readPart = (part, path) => {
  part.dataset.path = path;
  return { ...(part.dataset.part && { type: part.dataset.part }), ...readFields(part, path) };
};

const fits = (value, wanted) => {
  if (wanted === "+") return value !== "";
  return wanted.startsWith("!") ? value !== wanted.slice(1) : value === wanted;
};

/** Show what depends on another field: `match:regex`, `field:!name`, `field:+` (anything); it is looked for outwards. */
const showWhen = (root) => {
  for (const block of root.querySelectorAll("[data-when]")) {
    const [key, wanted] = block.dataset.when.split(":");
    let scope = block.parentElement.closest(SCOPE);
    let field = null;
    while (scope && !field) {
      field = own(scope).find((one) => one.dataset.field === key);
      scope = scope.parentElement?.closest(SCOPE);
    }
    if (field) block.hidden = !fits(control(field).value, wanted);
  }
};

// Parts
/** The same JSON, whatever the order of keys; a text for everybody equals one in the first language, 24:00 00:00. */
const canonical = (value, key = "") => {
  if (key === "to" && value === "24:00") return "00:00";
  if (WORDS.has(key)) return canonical(spoken(value));
  if (Array.isArray(value)) return value.map((one) => canonical(one));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([name, one]) => one !== null && one !== undefined && isSaid(value, name));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, canonical(one, name)]));
};

const same = (one, other) => JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));

const formOf = (list, part, depth) => {
  if (depth > data.depth || !$(`${list}-${part.type}`)) return null;
  const card = clone(`${list}-${part.type}`);
  card.dataset.depth = depth;
  for (const week of card.querySelectorAll("[data-week]")) fillWeek(week, readWeek(week));
  fillFields(card, part);
  return card;
};

const jsonOf = (list, part, depth) => {
  const card = clone(`${list}-json`);
  card.dataset.depth = depth;
  fillFields(card, part);
  return card;
};

/** A part as a form where the form gives back exactly what was put in, else as JSON. */
const makePart = (list, part, depth) => {
  const held = unreadable;
  const card = formOf(list, part, depth);
  const whole = card !== null && same(readPart(card, ""), part);
  unreadable = held;
  return whole ? card : jsonOf(list, part, depth);
};

const titleOf = (part) => part.querySelector("[data-title]").textContent.trim();
const first = (part) => part.querySelector(".part-body :is(input, select, textarea):not([hidden] *)") ?? part;

const addPart = (field, type) => {
  const depth = field.closest("[data-depth]") ? Number(field.closest("[data-depth]").dataset.depth) + 1 : 0;
  const card = formOf(field.dataset.list, { type }, depth) ?? jsonOf(field.dataset.list, { type }, depth);
  for (const rows of card.querySelectorAll("[data-as=rows]")) for (let count = Number(rows.dataset.least); count > 0; count -= 1) addRow(rows, {});
  listIn(field).append(card);
  turnTo(language);
  first(card).focus();
  announce(say("rule-added", { name: titleOf(card) }));
  edited();
};

const addRow = (field, row) => {
  const line = clone(field.dataset.template);
  listIn(field).append(line);
  fillFields(line, row);
  return line;
};

/** Take an element out, with a way back: what was typed into it comes back too. */
const takeOut = (element, name) => {
  const list = element.parentElement;
  const after = element.nextElementSibling;
  const next = after ?? element.previousElementSibling;
  const adder = list.parentElement.querySelector(":scope > .add summary, :scope > .add button");
  element.remove();
  (next?.querySelector("[data-do=out], [data-row-out]") ?? adder)?.focus();
  edited();
  toast(say("rule-removed", { name }), {
    action: say("undo"),
    run: () => {
      if (after?.parentElement === list) after.before(element);
      else list.append(element);
      element.querySelector("input:not([hidden] *), select, textarea, button").focus();
      edited();
    },
  });
};

/** Move an element one place; whether it could. The button that moved it stays in focus. */
const shift = (element, step, button) => {
  const other = step < 0 ? element.previousElementSibling : element.nextElementSibling;
  if (!other) return false;
  if (step < 0) other.before(element);
  else other.after(element);
  button.focus();
  return true;
};

const placeOf = (element) => ({ place: [...element.parentElement.children].indexOf(element) + 1, count: element.parentElement.children.length });

const swap = (card, other) => {
  card.replaceWith(other);
  turnTo(language);
  first(other).focus();
  edited();
};

const DEEDS = {
  up: (part, button) => deed(part, button, -1),
  down: (part, button) => deed(part, button, 1),
  out: (part) => takeOut(part, titleOf(part)),
  copy: (part) => {
    const { list } = part.parentElement.parentElement.dataset;
    const twin = makePart(list, readPart(part, ""), Number(part.dataset.depth));
    part.after(twin);
    turnTo(language);
    first(twin).focus();
    edited();
  },
  json: (part) => swap(part, jsonOf(part.parentElement.parentElement.dataset.list, readPart(part, ""), Number(part.dataset.depth))),
  form: (part) => {
    const told = readPart(part, "");
    const card = makePart(part.parentElement.parentElement.dataset.list, told, Number(part.dataset.depth));
    if (card.dataset.part) swap(part, card);
    else toast(say("rule-no-form"));
  },
};

const deed = (part, button, step) => {
  if (!shift(part, step, button)) return;
  announce(say("rule-moved", { name: titleOf(part), ...placeOf(part) }));
  edited();
};

// Languages: every text shows the same one.
let language = data.languages[0];

const turnTo = (name, tabs) => {
  language = name;
  for (const one of form.querySelectorAll("[data-language]")) {
    const here = one.dataset.language === name;
    if (one.matches("[role=tab]")) {
      one.setAttribute("aria-selected", String(here));
      one.tabIndex = here ? 0 : -1;
    } else one.hidden = !here;
  }
  tabs?.querySelector("[aria-selected=true]").focus();
  markFilled();
};

const markFilled = () => {
  for (const tab of form.querySelectorAll("[role=tab]")) {
    const area = control($(tab.getAttribute("aria-controls")));
    tab.classList.toggle("filled", Boolean(area.value.trim()));
  }
};

// The whole
let saved = "";
let timer = 0;

const read = () => {
  unreadable = {};
  return readFields(form, "");
};

const dirty = () => form && JSON.stringify(canonical(read())) !== saved;

const edited = () => {
  showWhen(form);
  markFilled();
  form.querySelector("[data-unsaved]").hidden = !dirty();
  for (const list of form.querySelectorAll("[data-none-of]")) list.hidden = listIn(list.parentElement).children.length > 0;
  clearTimeout(timer);
  timer = setTimeout(tryForm, TRY_AFTER_MS);
};

/** The innermost place that a refusal's field names. */
const placed = (name) => {
  const fits = [...form.querySelectorAll("[data-path]")].filter(({ dataset: { path } }) => path && (name === path || name.startsWith(`${path}.`)));
  return fits.reduce((best, one) => (one.dataset.path.length >= (best?.dataset.path.length ?? 0) ? one : best), null);
};

/** What is focused for a refusal of a place: the very field, what adds to an empty list, or the place itself. */
const focusable = (place, name) => {
  if (place.matches("[data-as=parts], [data-as=rows]")) return place.querySelector(":scope > .add :is(summary, button)");
  if (place.dataset.as !== "texts") return place.querySelector(`[name="${CSS.escape(name)}"]`) ?? control(place) ?? place;
  const panel = panels(place).find((one) => one.dataset.path === name || one.dataset.language === language);
  return control(panel);
};

/** Put a message beside its field; what is to be focused, or null where the form has no place for it. */
const mark = (name, message) => {
  const place = placed(name);
  if (!place) return null;
  const rest = name.slice(place.dataset.path.length + 1);
  const line = place.dataset.as === "lines" ? lineOf(place, rest, message) : -1;
  const text = Object.assign(document.createElement("p"), { className: "error", textContent: line < 0 ? message : say("rule-line", { line: line + 1, message }) });
  made += 1;
  text.id = `rule-error-${made}`;
  if (place.dataset.language) turnTo(place.dataset.language);
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  const field = focusable(place, name);
  (field.closest("[data-week]") ? field.closest("[data-stretch], .field") : (place.querySelector(":scope > .part-body") ?? place)).append(text);
  if (field.matches("input, select, textarea")) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", text.id);
    if (line >= 0) field.addEventListener("focus", () => selectLine(field, line), { once: true });
  }
  return field;
};

/** Which line of a list a refusal means: the one that it numbers, or quotes. */
const lineOf = (place, rest, message) =>
  /^\d+$/.test(rest) ? Number(rest) : split(control(place).value, "\n").findIndex((entry) => message.includes(`'${entry}'`) || message.includes(`'${entry.replaceAll("\\", "\\\\")}'`));

const selectLine = (area, line) => {
  const wanted = split(area.value, "\n")[line];
  const start = wanted === undefined ? -1 : area.value.indexOf(wanted);
  if (start >= 0) area.setSelectionRange(start, start + wanted.length);
};

const tell = (fields, message) => {
  const marked = Object.entries(fields).map(([name, said]) => [mark(name, said), said]);
  const left = marked.filter(([field]) => !field).map(([, said]) => said);
  if (left.length || !marked.length) {
    const text = Object.assign(document.createElement("p"), { className: "error", textContent: left.join(" ") || message });
    text.setAttribute("role", "alert");
    form.querySelector(".foot").before(text);
  }
  marked.find(([field]) => field)?.[0].focus();
};

const save = async () => {
  const rule = read();
  const { rule: id, version } = form.dataset;
  clear(form);
  if (Object.keys(unreadable).length) {
    tell(unreadable, "");
    return;
  }
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const kept = await (id ? call("PATCH", `/api/v1/rules/${id}`, { ...rule, version: Number(version) }) : call("POST", "/api/v1/rules", rule));
    if (!id) {
      leave(`/settings/rules/${kept.id}`);
      return;
    }
    saved = JSON.stringify(canonical(rule));
    form.dataset.version = kept.version;
    document.querySelector(".intro h1").textContent = kept.name;
    htmx.trigger(document.body, "rule:saved");
    edited();
    toast(say("saved"));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (refusal.status === 409) toast(say("rule-meanwhile"), { action: say("rule-theirs"), run: () => leave(location.href), stay: true });
    else tell(refusal.fields, refusal.message);
  }
  button.disabled = false;
};

/** Go elsewhere, or here anew, without asking about what is not saved. */
const leave = (path) => {
  saved = null;
  if (path === location.href) location.reload();
  else location.href = path;
};

const drop = async ({ name, rule, words }) => {
  if (!(await sure(words, say("rule-delete")))) return false;
  try {
    await call("DELETE", `/api/v1/rules/${rule}`);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    toast(refusal.message);
    return false;
  }
  announce(say("rule-deleted", { name }));
  return true;
};

const restore = async (button) => {
  if (dirty() && !(await sure(say("rule-restore-question"), say("rule-restore")))) return;
  try {
    await call("POST", `/api/v1/rules/${form.dataset.rule}/restore`, { version: Number(button.dataset.restore) });
    leave(location.href);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    toast(refusal.message);
  }
};

/** The rule as it stands in the form, on the conversation that is chosen. */
const tryForm = () => {
  const rule = read();
  tryDraft({ id: form.dataset.rule, rule: { ...rule, name: rule.name ?? say("rule-nameless") }, broken: Object.values(unreadable)[0] });
};

// The list
const ruleRows = () => [...document.querySelectorAll("#rule-list > li")];

const number = () => {
  for (const [place, row] of ruleRows().entries()) row.querySelector("[data-rank]").textContent = place + 1;
};

// One request after another, so that the last order is the one that stands.
let ordering = Promise.resolve();

const keepOrder = () => {
  const ids = ruleRows().map((row) => row.dataset.rule);
  ordering = ordering.then(() => call("PUT", "/api/v1/rules/order", { ids })).catch((refusal) => toast(refusal.message));
};

const moveRule = (row, step, button) => {
  if (!shift(row, step, button)) return;
  number();
  announce(say("rule-moved", { name: row.dataset.name, ...placeOf(row) }));
  keepOrder();
};

const flip = async (row, button) => {
  const enabled = button.getAttribute("aria-checked") !== "true";
  const show = (on) => {
    button.setAttribute("aria-checked", String(on));
    row.classList.toggle("off", !on);
  };
  show(enabled);
  try {
    await call("PATCH", `/api/v1/rules/${row.dataset.rule}`, { enabled });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    show(!enabled);
    toast(refusal.message);
  }
};

const ROW_DEEDS = {
  flip,
  up: (row, button) => moveRule(row, -1, button),
  down: (row, button) => moveRule(row, 1, button),
  delete: async (row, button) => {
    if (!(await drop({ ...row.dataset, words: button.dataset.words }))) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    number();
    if (next) next.querySelector("a").focus();
    else location.reload();
  },
};

// What is heard
document.addEventListener("click", ({ target }) => {
  const row = target.closest("#rule-list > li");
  const button = target.closest("[data-do]");
  if (row && button) ROW_DEEDS[button.dataset.do](row, button);
});

document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("#rule-list > li");
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!row || !step || !event.altKey) return;
  event.preventDefault();
  moveRule(row, step, event.target);
});

document.addEventListener("change", ({ target }) => {
  if (!target.matches("#try :is(input[name=conversation], select)")) return;
  if (form) tryForm();
  else tryAll(ruleRows());
});

const listen = () => {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  form.addEventListener("input", edited);
  form.addEventListener("change", edited);
  form.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    const kind = target.closest("[data-kind]");
    const blank = target.closest("[data-blank]");
    const more = target.closest("[data-add-row]");
    const less = target.closest("[data-row-out]");
    const deedOf = target.closest("[data-do]");
    const menu = target.closest("details.menu");
    if (menu && (kind || blank || deedOf)) menu.open = false;
    if (tab) turnTo(tab.dataset.language);
    else if (kind) addPart(kind.closest("[data-as=parts]"), kind.dataset.kind);
    else if (blank) insert(blank);
    else if (more) {
      const line = addRow(more.closest("[data-as=rows]"), {});
      turnTo(language);
      line.querySelector("input:not([hidden] *)").focus();
      edited();
    } else if (less) takeOut(less.closest("[data-row]"), less.dataset.name);
    else if (deedOf) DEEDS[deedOf.dataset.do](deedOf.closest("[data-part]:not(form)"), deedOf);
  });
  form.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const list = event.target.matches("[role=tab]") && event.target.closest("[role=tablist]");
    if (!step || !list) return;
    const names = [...list.children].map((tab) => tab.dataset.language);
    turnTo(names[(names.indexOf(language) + step + names.length) % names.length], list);
  });
  document.addEventListener("click", async ({ target }) => {
    const older = target.closest("[data-restore]");
    const gone = target.closest("[data-drop]");
    if (older) restore(older);
    else if (gone && (await drop({ rule: form.dataset.rule, name: form.dataset.name, words: gone.dataset.words }))) leave("/settings/rules");
  });
  addEventListener("beforeunload", (event) => {
    if (saved !== null && dirty()) event.preventDefault();
  });
};

const insert = (blank) => {
  const area = control(panels(blank.closest("[data-as=texts]")).find((one) => one.dataset.language === language));
  area.setRangeText(`{{ ${blank.dataset.blank} }}`, area.selectionStart, area.selectionEnd, "end");
  area.focus();
  edited();
};

const open = () => {
  fillFields(form, data.rule);
  const when = form.querySelector("[data-field=when]");
  if (!same(readFields(when, "when"), data.rule.when)) {
    const raw = clone("when-json");
    when.replaceWith(raw);
    fillFields(form, data.rule);
  }
  turnTo(language);
  saved = JSON.stringify(canonical(read()));
  listen();
  edited();
};

if (form) open();
