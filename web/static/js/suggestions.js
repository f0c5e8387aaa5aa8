// Macros that may be the answer: chips above the composer, asked for once the thread stands on the screen.

import { Refusal, call } from "./api.js";
import { openedId } from "./desk.js";
import { put } from "./macros.js";

const $ = (id) => document.getElementById(id);
const place = () => $("suggestions");

const PAUSE = 150; // Whoever runs through the list with j and k asks for where they stop, in ms.

const dismissed = new Set();
let timer = 0;
let request = null;

/** What is to be answered: the conversation and the last thing said in it. */
const moment = () => `${openedId()} ${$("messages")?.dataset.seen ?? ""}`;

const clear = () => {
  place().hidden = true;
  place().querySelector(".offers").replaceChildren();
};

const dismiss = () => {
  dismissed.add(place().dataset.of);
  clear();
};

const choose = async (id) => {
  if (await put(id)) dismiss();
};

const chip = ({ macro_id: id, name, text }, index) => {
  const box = $("suggestion").content.firstElementChild.cloneNode(true);
  const button = box.querySelector("button");
  const whole = box.querySelector("[role=tooltip]");
  button.dataset.macro = id;
  button.querySelector(".cut").textContent = name;
  button.querySelector("kbd").textContent = `Alt ${index + 1}`;
  button.setAttribute("aria-keyshortcuts", `Alt+${index + 1}`);
  whole.id = `suggestion-${index}`;
  whole.textContent = text;
  button.setAttribute("aria-describedby", whole.id);
  return box;
};

const ask = async (of, conversation) => {
  request = new AbortController();
  let answer;
  try {
    answer = await call("GET", `/api/v1/conversations/${conversation}/suggestions`, undefined, { signal: request.signal });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return; // Nobody waits for them, so nobody misses them.
  }
  // One that was broken off while it came has no answer.
  if (!answer || place()?.dataset.of !== of) return;
  place().querySelector(".offers").replaceChildren(...answer.items.map(chip));
  place().hidden = !answer.items.length;
};

/** Another conversation, or something new was said in this one. */
const look = () => {
  if (!place() || place().dataset.of === moment()) return;
  clearTimeout(timer);
  request?.abort();
  clear();
  place().dataset.of = moment();
  if ($("messages")?.dataset.seen && !dismissed.has(moment())) timer = setTimeout(ask, PAUSE, moment(), openedId());
};

export const start = () => {
  document.addEventListener("htmx:afterSettle", look);
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("#suggestions [data-macro]");
    if (chosen) choose(chosen.dataset.macro);
    else if (event.target.closest("#suggestions [data-dismiss]")) {
      dismiss();
      $("text").focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const digit = /^Digit([1-3])$/.exec(event.code);
    if (!digit || !event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const chosen = place()?.checkVisibility() && place().querySelectorAll("[data-macro]")[digit[1] - 1];
    if (!chosen) return;
    event.preventDefault();
    choose(chosen.dataset.macro);
  });
  look();
};
