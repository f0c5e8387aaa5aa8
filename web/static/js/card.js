// The customer's card: each line is changed where it stands, and what a colleague changes meanwhile comes in around it.

import { call } from "./api.js";
import { clear } from "./forms.js";

const card = () => document.getElementById("card");

const parts = (box) => ({ shown: box.querySelector("[data-shown]"), editor: box.querySelector("[data-editor]") });

const open = (box) => {
  for (const other of card().querySelectorAll("[data-editor]:not([hidden])")) close(other.closest("[data-edit]"));
  const { shown, editor } = parts(box);
  shown.hidden = true;
  editor.hidden = false;
  const field = editor.querySelector("input:not([type=hidden]), select, textarea");
  field.focus();
  field.select?.();
};

const close = (box, { focus = false } = {}) => {
  const { shown, editor } = parts(box);
  editor.reset();
  clear(editor);
  editor.hidden = true;
  shown.hidden = false;
  if (focus) (shown.matches("button") ? shown : shown.querySelector("[data-edit-open]"))?.focus();
};

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-edit-open]");
  if (opener) open(opener.closest("[data-edit]"));
});

document.addEventListener("saved", (event) => {
  const box = event.target.closest("[data-edit]");
  if (box) close(box, { focus: true });
});

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("[data-editor]")?.closest("[data-edit]");
  const form = event.target.closest?.("#card form");
  if (box && event.key === "Escape") {
    event.stopPropagation();
    close(box, { focus: true });
  } else if (form && event.target.matches("textarea") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

// A choice is made by choosing.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-editor] select")) event.target.form.requestSubmit();
});

// Suggestions, fetched as one types.
let asked = 0;

document.addEventListener("input", async (event) => {
  const { suggest } = event.target.dataset;
  if (!suggest) return;
  asked += 1;
  const turn = asked;
  const found = await call("GET", `${suggest}?limit=8&q=${encodeURIComponent(event.target.value.trim())}`).catch(() => null);
  if (!found || turn !== asked) return;
  event.target.list?.replaceChildren(...found.items.map((value) => Object.assign(document.createElement("option"), { value })));
});

const begun = (node) =>
  node instanceof Element &&
  node.matches("input:not([type=hidden]), textarea, select") &&
  node.closest("#card") &&
  (node === document.activeElement || (node.defaultValue !== undefined && node.value !== node.defaultValue));

/** Beside what every pane keeps: a field that is being typed in, what is wrong with it, a line that is open, a whole `data-keep` form. */
export const start = () => {
  const { callbacks } = Idiomorph.defaults;
  const { beforeAttributeUpdated: free, beforeNodeMorphed: loose } = callbacks;
  callbacks.beforeNodeMorphed = (old, anew) => loose(old, anew) && !begun(old) && !(old instanceof Element && old.matches("[data-keep]"));
  callbacks.beforeNodeRemoved = (old) => !(old instanceof Element && old.matches("#card .error"));
  callbacks.beforeAttributeUpdated = (name, node) => free(name, node) && !(name === "hidden" && node.matches("#card [data-shown], #card [data-editor]"));
};
