// Weekly hours: a line a day, each with its stretches. What is sent is the list of spans, equal ones on several days in one.

import { say } from "./api.js";

const MINUTES_A_DAY = 1440;

const stretches = (day) => [...day.querySelectorAll("[data-stretches] > [data-stretch]")];
const fields = (stretch) => ["from", "to"].map((end) => stretch.querySelector(`[data-${end}]`));
const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
const length = (from, to) => (to > from ? minutes(to) - minutes(from) : MINUTES_A_DAY + minutes(to) - minutes(from));
const clock = (total) => `${String(Math.floor(total / 60) % 24).padStart(2, "0")}:${String(total % 60).padStart(2, "0")}`;

/** `{timezone, open}`, the first only where it can be chosen. A refusal names a span by its place; so do the fields from then on. */
export const read = (week) => {
  const spans = new Map();
  for (const day of week.querySelectorAll("[data-day]")) {
    for (const stretch of stretches(day)) {
      const [from, to] = fields(stretch);
      const key = `${from.value}-${to.value}`;
      if (!spans.has(key)) spans.set(key, { days: [], from: from.value, to: to.value });
      const place = [...spans.keys()].indexOf(key);
      from.name = `${week.dataset.week}.open.${place}.from`;
      to.name = `${week.dataset.week}.open.${place}.to`;
      const { days } = spans.get(key);
      if (!days.includes(day.dataset.day)) days.push(day.dataset.day);
    }
  }
  const zone = week.querySelector("[data-zone]");
  return { ...(zone && { timezone: zone.value.trim() }), open: [...spans.values()] };
};

/** Say what follows from the hours: which days are off, which stretches end the next day, how much it is in all. */
const describe = (week) => {
  let total = 0;
  for (const day of week.querySelectorAll("[data-day]")) {
    const all = stretches(day);
    day.querySelector("[data-closed]").hidden = all.length > 0;
    for (const stretch of all) {
      const [from, to] = fields(stretch).map((field) => field.value);
      stretch.querySelector("[data-overnight]").hidden = !from || !to || to > from || to === "00:00";
      if (from && to) total += length(from, to);
    }
  }
  const hours = Math.round(total / 6) / 10;
  week.querySelector("[data-total]").value = total ? say("hours-a-week", { hours }) : say("no-hours");
};

const add = (day, from, to) => {
  const stretch = day.querySelector("[data-stretch-new]").content.firstElementChild.cloneNode(true);
  const [start, end] = fields(stretch);
  if (from) [start.value, end.value] = [from, to];
  day.querySelector("[data-stretches]").append(stretch);
  return start;
};

/** The next stretch of a day begins an hour after the last one, as after a break. */
const addNext = (day) => {
  const last = stretches(day).at(-1);
  const until = last && fields(last)[1].value;
  if (!until) return add(day);
  const start = Math.min(minutes(until) + 60, MINUTES_A_DAY - 60);
  return add(day, clock(start), clock(Math.min(start + 240, MINUTES_A_DAY - 1)));
};

const copy = (week, source, days) => {
  const hours = stretches(source).map((stretch) => fields(stretch).map((field) => field.value));
  for (const day of week.querySelectorAll("[data-day]")) {
    if (day === source ? days.length : !days.includes(day.dataset.day)) continue;
    day.querySelector("[data-stretches]").replaceChildren();
    if (day !== source) for (const [from, to] of hours) add(day, from, to);
  }
};

/** Show what `read` makes of a week, or somebody else wrote in its form. Midnight at the end of a day is 00:00 here. */
export const fill = (week, { timezone, open }) => {
  const zone = week.querySelector("[data-zone]");
  if (zone && timezone) zone.value = timezone;
  for (const day of week.querySelectorAll("[data-day]")) {
    day.querySelector("[data-stretches]").replaceChildren();
    for (const { days, from, to } of open) if (days.includes(day.dataset.day)) add(day, from, to === "24:00" ? "00:00" : to);
  }
  describe(week);
};

const edited = (week) => {
  describe(week);
  week.dispatchEvent(new Event("input", { bubbles: true }));
};

document.addEventListener("click", ({ target }) => {
  const week = target.closest("[data-week]");
  const day = target.closest("[data-day]");
  if (!day) return;
  if (target.closest("[data-stretch-on]")) {
    addNext(day).focus();
  } else if (target.closest("[data-stretch-off]")) {
    target.closest("[data-stretch]").remove();
    day.querySelector("[data-stretch-on]").focus();
  } else if (target.closest("[data-copy-days]")) {
    copy(week, day, target.closest("[data-copy-days]").dataset.copyDays.split(" ").filter(Boolean));
    const menu = target.closest("details");
    menu.open = false;
    menu.querySelector("summary").focus();
  } else {
    return;
  }
  edited(week);
});

document.addEventListener("input", ({ target }) => {
  const week = target.closest?.("[data-week]");
  if (week && target !== week) describe(week);
});

export const start = () => {
  const describeAll = () => document.querySelectorAll("[data-week]").forEach(describe);
  describeAll();
  document.addEventListener("htmx:afterSettle", describeAll);
};
