// The screen on which an admin defines the fields of cards: the whole list is written at once.

import { call, say, toast } from "./api.js";
import { clear } from "./forms.js";
import { refreshPlace } from "./desk.js";

const form = () => document.getElementById("customer-fields");
const rows = () => [...document.querySelectorAll("#field-rows [data-field-row]")];
const part = (row, name) => row.querySelector(`[data-field="${name}"]`);

const read = (row) => {
  const type = part(row, "type").value;
  const choices = part(row, "choices").value.split(",").map((choice) => choice.trim()).filter(Boolean);
  return {
    code: part(row, "code").value.trim(),
    title: part(row, "title").value.trim(),
    type,
    choices: type === "choice" ? choices : [],
    archived: part(row, "archived").checked,
  };
};

/** Say what is wrong beside its field: `fields.2.type`, or above the buttons. */
const complain = (refusal) => {
  clear(form());
  let placed = false;
  for (const [name, message] of Object.entries(refusal.fields)) {
    const [, place, field] = name.split(".");
    const input = rows()[place] && part(rows()[place], field ?? "code");
    if (!input) continue;
    input.setAttribute("aria-invalid", "true");
    input.closest(".field").append(Object.assign(document.createElement("p"), { className: "error", textContent: message }));
    if (!placed) input.focus();
    placed = true;
  }
  if (placed) return;
  const whole = Object.assign(document.createElement("p"), { className: "error", textContent: Object.values(refusal.fields)[0] ?? refusal.message });
  whole.setAttribute("role", "alert");
  form().querySelector(".actions").before(whole);
};

document.addEventListener("submit", async (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  try {
    await call("PUT", "/api/v1/customer-fields", { fields: rows().map(read) }, { version: form().dataset.version });
    toast(say("saved"));
    refreshPlace();
  } catch (refusal) {
    if (!("fields" in refusal)) throw refusal;
    complain(refusal);
  }
});

let made = 0;

const add = () => {
  const row = document.getElementById("field-row").content.firstElementChild.cloneNode(true);
  made += 1;
  for (const one of row.querySelectorAll("[id]")) one.id += made;
  for (const label of row.querySelectorAll("label")) label.htmlFor += made;
  document.getElementById("field-rows").append(row);
  part(row, "title").focus();
};

const acts = {
  "#add-field": add,
  "[data-row-up]": (row) => row.previousElementSibling?.before(row),
  "[data-row-down]": (row) => row.nextElementSibling?.after(row),
  "[data-row-off]": (row) => row.remove(),
};

document.addEventListener("click", (event) => {
  if (!form()?.contains(event.target)) return;
  for (const [selector, act] of Object.entries(acts)) {
    const button = event.target.closest(selector);
    if (!button) continue;
    act(button.closest("[data-field-row]"));
    if (button.isConnected) button.focus();
    document.getElementById("no-fields").hidden = rows().length > 0;
  }
});

document.addEventListener("change", (event) => {
  const row = event.target.closest("[data-field-row]");
  if (row && event.target.dataset.field === "type") row.querySelector(".choices").hidden = event.target.value !== "choice";
});

// A code is made of the title until somebody writes another one.
document.addEventListener("input", (event) => {
  const row = event.target.closest?.("[data-field-row]");
  if (!row || row.dataset.code) return;
  const code = part(row, "code");
  if (event.target === code) row.dataset.typed = "yes";
  if (event.target.dataset.field !== "title" || row.dataset.typed) return;
  code.value = event.target.value.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^[_\d]+|_+$/gu, "").slice(0, 40);
});
