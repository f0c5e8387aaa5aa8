// The stages of orders: rows to be put in order, each with where it leads. The whole is saved at once.

import { call, say, toast } from "./api.js";
import { refreshPlace } from "./desk.js";
import { clear, complain } from "./forms.js";

const form = () => document.getElementById("pipeline");
const stages = () => [...document.querySelectorAll("#pipeline [data-stage]")];
const key = (stage, name) => stage.querySelector(`[data-key="${name}"]`);
const codeOf = (stage) => key(stage, "code").value.trim();
const titles = (stage) => [...stage.querySelectorAll('[data-key^="title."]')];
const lang = document.documentElement.lang;

const titleOf = (stage) => {
  const own = titles(stage);
  return (own.find((field) => field.lang === lang && field.value) ?? own.find((field) => field.value))?.value.trim() || codeOf(stage);
};

const chosen = (stage) => {
  const choices = stage.querySelector("[data-choices]");
  return choices.dataset.drawn ? [...choices.querySelectorAll("input:checked")].map((box) => box.value) : JSON.parse(choices.dataset.chosen);
};

/** Where a stage may lead: every other one, as boxes that are drawn anew whenever the stages change. */
const drawChoices = () => {
  const all = stages();
  for (const stage of all) {
    const choices = stage.querySelector("[data-choices]");
    const kept = new Set(chosen(stage));
    const others = all.filter((other) => other !== stage && codeOf(other));
    choices.replaceChildren(
      ...others.map((other) => {
        const label = document.createElement("label");
        const box = Object.assign(document.createElement("input"), { type: "checkbox", value: codeOf(other), checked: kept.has(codeOf(other)) });
        label.append(box, titleOf(other));
        return label;
      }),
    );
    choices.dataset.drawn = "yes";
  }
  describe();
};

/** Each row says in a line where it leads. */
const describe = () => {
  const names = new Map(stages().map((stage) => [codeOf(stage), titleOf(stage)]));
  for (const stage of stages()) {
    stage.querySelector("[data-title]").textContent = titleOf(stage) || say("new-status");
    const leads = chosen(stage).map((code) => names.get(code)).filter(Boolean);
    stage.querySelector("[data-leads]").textContent = leads.length ? `→ ${leads.join(", ")}` : say("last-status");
    const notifies = key(stage, "notify").checked;
    stage.querySelector("[data-notifies]").hidden = !notifies;
    stage.querySelector("[data-words]").hidden = !notifies;
  }
};

const changed = () => {
  form().querySelector("[data-changed]").hidden = false;
};

const collect = () =>
  stages().map((stage, position) => {
    // A refusal names a field by its place; so do the fields, once they are sent.
    for (const field of stage.querySelectorAll("[data-key]")) field.name = `statuses.${position}.${field.dataset.key}`;
    return {
      code: codeOf(stage),
      title: Object.fromEntries(titles(stage).filter((field) => field.value.trim()).map((field) => [field.lang, field.value.trim()])),
      next: chosen(stage),
      notify: key(stage, "notify").checked,
      macro_id: key(stage, "macro_id").value || null,
      void: key(stage, "void").checked,
    };
  });

const save = async () => {
  const button = form().querySelector("[type=submit]");
  clear(form());
  button.disabled = true;
  try {
    const answer = await call("PUT", "/api/v1/order-pipeline", { statuses: collect() }, { version: form().dataset.version });
    await refreshPlace();
    toast([say("saved"), ...answer.warnings].join(". "), { stay: answer.warnings.length > 0 });
  } catch (refusal) {
    if (!("fields" in refusal)) throw refusal;
    complain(form(), refusal);
  }
  button.disabled = false;
};

document.addEventListener("submit", (event) => {
  if (event.target.id !== "pipeline") return;
  event.preventDefault();
  save();
});

document.addEventListener("input", (event) => {
  const stage = event.target.closest?.("#pipeline [data-stage]");
  if (!stage) return;
  changed();
  if (event.target.matches('[data-key="code"], [data-key^="title."]')) drawChoices();
  else describe();
});

document.addEventListener("click", (event) => {
  const stage = event.target.closest?.("#pipeline [data-stage]");
  const button = event.target.closest?.("#pipeline button");
  if (!button) return;
  if (button.matches("[data-add]")) {
    const fresh = document.getElementById("new-stage").content.firstElementChild.cloneNode(true);
    const id = `stage-new-${Date.now()}`;
    for (const named of fresh.querySelectorAll("[id], [for]")) {
      if (named.id) named.id = named.id.replace("stage-new", id);
      if (named.htmlFor) named.htmlFor = named.htmlFor.replace("stage-new", id);
    }
    form().querySelector("[data-stages]").append(fresh);
    titles(fresh)[0].focus();
  } else if (button.matches("[data-drop]")) stage.remove();
  else if (button.matches('[data-move="-1"]')) stage.previousElementSibling?.before(stage);
  else if (button.matches('[data-move="1"]')) stage.nextElementSibling?.after(stage);
  else return;
  if (button.matches("[data-move]")) button.focus();
  changed();
  drawChoices();
});

export const start = () => {
  const draw = () => form() && drawChoices();
  draw();
  document.addEventListener("htmx:afterSettle", draw);
};
