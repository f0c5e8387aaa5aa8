// Who else looks at a conversation and who is typing in it: this page says it of itself and shows what it hears of others.

import { say, sure, texts } from "./api.js";
import { change, openedId } from "./desk.js";

const TYPING_MS = 2500;
const FACES = 3;

const gatherings = new Map(); // conversation -> [{id, name, typing}]
let speak = null; // (frame) => void, while there is a line
let told = null;
let typed = 0;

const viewed = () => (document.hidden ? null : (openedId() ?? null));

const look = () => {
  if (!speak || told === viewed()) return;
  told = viewed();
  typed = 0;
  speak({ type: "viewing", conversation_id: told });
};

/** The line stands: say where we are; who is where will be told anew. */
export const attend = (speaker) => {
  speak = speaker;
  told = undefined;
  gatherings.clear();
  look();
  show();
};

/** Nobody knows any more who is where. */
export const alone = () => {
  speak = null;
  gatherings.clear();
  show();
};

/** A frame told who is at a conversation. */
export const gathered = ({ id, people }) => {
  if (people.length) gatherings.set(id, people);
  else gatherings.delete(id);
  show();
};

/** What was being written is sent, or taken back. */
export const quiet = () => {
  if (typed && speak && told) speak({ type: "viewing", conversation_id: told });
  typed = 0;
};

const typing = (field) => {
  if (!field.value.trim()) {
    quiet();
    return;
  }
  if (!speak || !viewed() || Date.now() - typed < TYPING_MS) return;
  typed = Date.now();
  speak({ type: "typing", conversation_id: viewed() });
};

const names = (people) => people.map((one) => one.name).join(", ");

const words = (people) => {
  const typists = people.filter((one) => one.typing);
  const [some, key] = typists.length ? [typists, "typing"] : [people, "viewing"];
  return say(`${some.length > 1 ? "are" : "is"}-${key}`, { names: names(some) });
};

const face = ({ id, name, typing: types }) => {
  const known = document.getElementById("faces")?.content.querySelector(`[data-face="${CSS.escape(id)}"] .av`);
  const box = known ? known.cloneNode(true) : Object.assign(document.createElement("span"), { className: "av tiny", textContent: name.slice(0, 1) });
  box.classList.toggle("types", types);
  return box;
};

const fill = (place, people) => {
  const key = JSON.stringify(people);
  if (!place || (place.dataset.shown === key && place.childElementCount)) return false;
  place.dataset.shown = key;
  place.replaceChildren(...people.slice(0, FACES).map(face));
  place.title = people.length ? words(people) : "";
  return true;
};

const span = (className, textContent) => Object.assign(document.createElement("span"), { className, textContent });

const showHeader = (people) => {
  const place = document.getElementById("company");
  if (fill(place, people) && people.some((one) => one.typing)) place.append(span("says", words(people)));
};

const showRows = () => {
  for (const place of document.querySelectorAll(".row .guests")) {
    const id = place.id.slice("guests-".length);
    const people = gatherings.get(id) ?? [];
    const held = place.parentElement.querySelector("[data-held]");
    const holder = people.find((one) => one.id === held?.dataset.held);
    fill(place, people.filter((one) => one !== holder));
    // Whoever holds it has their face there already.
    held?.firstElementChild.classList.toggle("here", Boolean(holder));
    held?.firstElementChild.classList.toggle("types", Boolean(holder?.typing));
    const says = document.getElementById(`says-${id}`);
    const text = people.some((one) => one.typing) ? words(people) : "";
    if (says.textContent !== text) says.textContent = text;
  }
};

/** Beside the composer: whether whoever holds the conversation is at it, and who else is answering. */
const showBeside = (people) => {
  const place = document.getElementById("beside");
  if (!place) return;
  const held = document.getElementById("held");
  const holder = people.find((one) => one.id === held?.dataset.holder);
  const typists = people.filter((one) => one.typing);
  let text = "";
  if (holder) text = say(holder.typing ? "holder-typing" : "holder-viewing", { name: holder.name });
  else if (typists.length) text = say("writing-beside", { names: names(typists) });
  if (held) held.hidden = Boolean(holder);
  place.classList.toggle("warn", typists.length > 0);
  if (place.dataset.shown === text && (text === "") === !place.childElementCount) return;
  place.dataset.shown = text;
  place.replaceChildren(...(text ? [...people.filter((one) => one === holder || one.typing).slice(0, FACES).map(face), span("", text)] : []));
  if (holder) place.append(Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: say("take-over") }));
  if (holder) place.lastChild.dataset.takeOver = "";
};

const show = () => {
  const people = gatherings.get(openedId()) ?? [];
  showHeader(people);
  showBeside(people);
  showRows();
};

/** Whoever holds a conversation and is writing in it is not taken by surprise without a thought. */
const takeOver = async () => {
  const holder = (gatherings.get(openedId()) ?? []).find((one) => one.id === document.getElementById("held")?.dataset.holder);
  if (holder?.typing && !(await sure(say("take-over-question", { name: holder.name }), say("take-over")))) return;
  change({ assignee_id: document.body.dataset.me }, { said: texts["taken-over"] });
};

export const start = () => {
  if (!document.getElementById("desk")) return;
  document.addEventListener("htmx:afterSwap", show);
  document.addEventListener("htmx:afterSettle", () => {
    look();
    show();
  });
  document.addEventListener("htmx:oobAfterSwap", show);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("input", (event) => {
    if (event.target.id === "text") typing(event.target);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-take-over]")) takeOver();
  });
};
