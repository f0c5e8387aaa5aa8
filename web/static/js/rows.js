// What forms of settings have beyond single fields: lists of rows, a choice between nothing and one's own, unsaved changes.

let made = 0;

/** Name the fields of every list by their place: `data-key="from"` in the second row of `days_off` is `days_off.1.from`. */
export const name = (form) => {
  for (const list of form.querySelectorAll("[data-rows]")) {
    for (const [place, row] of [...list.children].entries()) {
      for (const field of row.querySelectorAll("[data-key]")) field.name = `${list.dataset.rows}.${place}.${field.dataset.key}`;
    }
  }
};

/** The row that a refusal names as a whole: `days_off.1`. */
export const rowAt = (form, field) => {
  const [, list, place] = field.match(/^(.+)\.(\d+)$/) ?? [];
  return list && form.querySelector(`[data-rows="${list}"]`)?.children[place];
};

const noneOf = (list) => {
  const words = document.querySelector(`[data-none-of="${list.id}"]`);
  if (words) words.hidden = list.children.length > 0;
};

const addRow = (list) => {
  const row = document.getElementById(`${list.id}-new`).content.firstElementChild.cloneNode(true);
  made += 1;
  for (const one of row.querySelectorAll("[id]")) one.id += made;
  for (const label of row.querySelectorAll("label[for]")) label.htmlFor += made;
  list.append(row);
  row.querySelector("input, select").focus();
};

const edited = (form) => {
  const words = form.querySelector("[data-unsaved]");
  if (words) words.hidden = false;
};

/** Show and hide what depends on another field. */
const showOwn = (way) => {
  const own = document.getElementById(`${way.name}-own`);
  own.hidden = own.disabled = way.value === "";
  const words = document.querySelector(`[data-none-for="${way.name}"]`);
  if (words) words.hidden = way.value !== "";
};

const showOnly = (form) => {
  for (const part of form.querySelectorAll("[data-only]")) {
    part.hidden = form.elements[part.dataset.only]?.value !== part.dataset.value;
  }
};

document.addEventListener("click", ({ target }) => {
  const more = target.closest("[data-row-on]");
  const less = target.closest("[data-row-off]");
  const list = more ? document.getElementById(more.dataset.rowOn) : less?.closest("[data-rows]");
  if (!list) return;
  const form = list.closest("form");
  if (more) {
    addRow(list);
  } else {
    less.closest("[data-row]").remove();
    form.querySelector(`[data-row-on="${list.id}"]`).focus();
  }
  noneOf(list);
  edited(form);
});

document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("form[data-form]");
  if (!form) return;
  if (target.matches("[data-way]")) showOwn(target);
  showOnly(form);
  edited(form);
});

export const start = () => {
  const show = () => document.querySelectorAll("form[data-form]").forEach(showOnly);
  show();
  document.addEventListener("htmx:afterSettle", show);
};
