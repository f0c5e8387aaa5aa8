// Settings: a form with `data-form="METHOD /path"` is sent as JSON; what is wrong is said beside its field.

import { call, refresh, say, toast, token } from "./api.js";
import { SNOOZES, refreshPlace, then } from "./desk.js";
import { read as readWeek } from "./hours.js";
import { name as nameRows, rowAt } from "./rows.js";

/** Put a value under a dotted name; a number in it is a place in a list. */
const put = (into, name, value) => {
  const path = name.split(".");
  const leaf = path.pop();
  let place = into;
  for (const [at, part] of path.entries()) place = place[part] ??= /^\d+$/.test(path[at + 1] ?? leaf) ? [] : {};
  place[leaf] = value;
};

const read = {
  list: (field) => field.value.split(",").map((part) => part.trim()).filter(Boolean),
  number: (field) => (field.value === "" ? undefined : Number(field.value)),
  // Emptied means: none.
  amount: (field) => (field.value === "" ? null : Number(field.value)),
  flag: (field) => field.checked,
  // By this browser's clock.
  moment: (field) => (field.value ? new Date(field.value).toISOString() : undefined),
  soon: (field) => SNOOZES[field.value]().toISOString(),
  // Emptied means: as if it had never been set.
  optional: (field) => field.value || null,
  json: (field) => JSON.parse(field.value),
};

const collect = (form) => {
  const body = form.dataset.base ? JSON.parse(form.dataset.base) : {};
  const sets = new Map();
  nameRows(form);
  for (const list of form.querySelectorAll("[data-rows]")) if (!list.matches(":disabled *")) put(body, list.dataset.rows, []);
  for (const field of form.elements) {
    if (!field.name || field.matches(":disabled") || field.closest("[data-week]")) continue;
    if ("way" in field.dataset) {
      // Nothing of one's own; what stands inside otherwise is named by itself.
      if (field.checked && !field.value) put(body, field.closest("[data-either]").dataset.either, null);
      continue;
    }
    if (field.type === "radio" && !field.checked) continue;
    if ("rank" in field.dataset) {
      // Fields of one name make a list in their order.
      sets.set(field.name, [...(sets.get(field.name) ?? []), ...(field.value ? [field.value] : [])]);
      continue;
    }
    if ("set" in field.dataset) {
      // Checkboxes of one name make a list; an empty one counts too.
      const chosen = sets.get(field.name) ?? [];
      if (field.checked) chosen.push(field.value);
      sets.set(field.name, chosen);
      continue;
    }
    const value = (read[field.dataset.type] ?? (() => field.value))(field);
    if (value === undefined || (value === "" && "omit" in field.dataset)) continue;
    put(body, field.name, value);
  }
  for (const [name, values] of sets) put(body, name, values);
  for (const week of form.querySelectorAll("[data-week]")) if (!week.matches(":disabled *")) put(body, week.dataset.week, readWeek(week));
  if ("once" in form.dataset) body.client_token = form.dataset.once ||= token();
  return body;
};

export const clear = (form) => {
  for (const old of form.querySelectorAll(".error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
};

// What is wrong with a field is said until it is changed.
document.addEventListener("input", ({ target }) => {
  if (!target.hasAttribute("aria-invalid")) return;
  target.removeAttribute("aria-invalid");
  document.querySelector(`.error[id="${CSS.escape(target.getAttribute("aria-describedby"))}"]`)?.remove();
  target.removeAttribute("aria-describedby");
});

export const complain = (form, refusal) => {
  const unplaced = [];
  for (const [name, message] of Object.entries(refusal.fields)) {
    const field = [...form.elements].find((one) => one.name && one.type !== "hidden" && (name === one.name || name.startsWith(`${one.name}.`)));
    const place = field ? field.closest("[data-stretch], .field, .check") : rowAt(form, name);
    if (!place) {
      unplaced.push(message);
      continue;
    }
    const text = Object.assign(document.createElement("p"), { className: "error", textContent: message });
    if (field) {
      text.id = `${field.id || field.name}-error`;
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", text.id);
    }
    place.append(text);
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }
  const first = form.querySelector(".error");
  if (!first || unplaced.length) {
    const whole = Object.assign(document.createElement("p"), { className: "error", textContent: unplaced.join(" ") || refusal.message });
    whole.setAttribute("role", "alert");
    form.querySelector(".actions").before(whole);
  }
  (form.querySelector("[aria-invalid]") ?? first?.parentElement.querySelector("input, select"))?.focus();
};

/** Show what was made up, once; resolves when the dialog is closed. */
const showSecrets = (secrets) =>
  new Promise((closed) => {
    const dialog = document.getElementById("secret");
    const [pattern, ...earlier] = dialog.querySelectorAll("[data-secret]");
    for (const old of earlier) old.remove();
    for (const [name, value] of Object.entries(secrets).reverse()) {
      const shown = pattern.cloneNode(true);
      shown.hidden = false;
      shown.querySelector(".label").textContent = name.replaceAll("_", " ");
      shown.querySelector("code").textContent = value;
      pattern.after(shown);
    }
    dialog.addEventListener("close", closed, { once: true });
    dialog.showModal();
  });

/** Open what a form has just made, where the page shows it now. */
const openMade = (id) => {
  const made = document.getElementById(id);
  if (!made) return;
  made.open = true;
  made.querySelector("summary").focus();
};

/** Wait until the card stands as it is at `version`, or for too long; what is being typed on it stays. */
const drawn = (form, version) =>
  new Promise((resolve) => {
    const done = () => {
      document.removeEventListener("htmx:afterSettle", look);
      resolve();
    };
    const look = () => {
      if (JSON.parse(form.dataset.base).version >= version) done();
    };
    document.addEventListener("htmx:afterSettle", look);
    setTimeout(done, 5000);
    refresh("live:card");
  });

const send = async (form, { again = false } = {}) => {
  clear(form);
  const [method, path] = form.dataset.form.split(" ");
  const button = form.querySelector("[type=submit]");
  let body;
  try {
    body = collect(form);
  } catch {
    complain(form, { fields: {}, message: say("not-json") });
    return;
  }
  button.disabled = true;
  button.classList.add("busy");
  try {
    const answer = await call(method, path, body, { timeout: 40000 });
    if (form.hasAttribute("data-reset")) form.reset();
    form.dispatchEvent(new CustomEvent("saved", { bubbles: true }));
    const secrets = answer?.generated ?? (answer?.secret ? { address: answer.webhook_url.absolute, secret: answer.secret } : {});
    if (Object.keys(secrets).length) await showSecrets(secrets);
    else toast(form.dataset.said ?? say("saved"));
    if (form.dataset.made) refreshPlace(form).then(() => openMade(form.dataset.made + answer.id));
    else then((form.dataset.then ?? "refresh").replace("{id}", answer?.id), form);
  } catch (refusal) {
    if (!("fields" in refusal)) throw refusal;
    // Somebody was first, perhaps these same hands a moment ago: what a line adds is added to the card as it is now.
    if (refusal.version !== undefined && form.matches("#card [data-base]") && !again) {
      await drawn(form, refusal.version);
      await send(form, { again: true });
    } else complain(form, refusal);
  }
  button.disabled = false;
  button.classList.remove("busy");
};

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.form) return;
  event.preventDefault();
  send(event.target);
});

// Other words are another message.
document.addEventListener("input", ({ target }) => {
  if (target.form && "once" in target.form.dataset) target.form.dataset.once = "";
});

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.parentElement.querySelector("code").textContent).then(() => toast(say("copied")));
});

// Preferences of this browser.
const showPreferences = () => {
  for (const field of document.querySelectorAll("[data-preference]")) field.checked = localStorage.getItem(field.dataset.preference) === "yes";
};

document.addEventListener("change", (event) => {
  const { preference } = event.target.dataset;
  if (preference) localStorage.setItem(preference, event.target.checked ? "yes" : "no");
});

export const start = () => {
  showPreferences();
  // An address may name what is folded up.
  const named = document.getElementById(location.hash.slice(1));
  if (named?.matches("details")) named.open = true;
  document.addEventListener("htmx:afterSettle", showPreferences);
};
