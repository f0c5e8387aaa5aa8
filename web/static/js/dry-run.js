// The dry run beside the rules: on which message of which conversation, and what would have come of it.

import { Refusal, call, say } from "./api.js";

const LISTED = 100; // So many messages are looked through for the customer's own.

const $ = (id) => document.getElementById(id);
const picker = () => $("try-message");
const chosen = () => document.querySelector("#try input[name=conversation]:checked")?.value;
const attempt = (body) => call("POST", "/api/v1/rules/try", body);

let asked = 0;
let listed = null; // The conversation whose messages are offered.
let beside = null; // How the kept rules do on the message that is chosen.

const element = (tag, className, ...children) => {
  const one = document.createElement(tag);
  if (className) one.className = className;
  one.append(...children);
  return one;
};

const icon = (name) => $(`icon-${name}`).content.firstElementChild.cloneNode(true);
const lines = (className, all) => element("ul", className, ...all.map((line) => element("li", "", line)));

const verdict = ({ would_fire: fires, reasons, does }, words) =>
  element("div", `verdict ${fires ? "fires" : ""}`, icon(fires ? "fires" : "rests"), element("div", "", element("b", "", words), fires ? lines("does", does) : lines("reasons", reasons)));

/** Offer what the customer wrote in a conversation, newest first. */
const offer = async (conversation) => {
  if (listed === conversation) return;
  const { items } = await call("GET", `/api/v1/conversations/${conversation}/messages?limit=${LISTED}`);
  if (conversation !== chosen()) return; // Another one was chosen meanwhile, and its messages may be here already.
  const moment = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const theirs = items.filter((one) => one.direction === "in" && !one.deleted_at);
  picker().replaceChildren(...theirs.map((one) => new Option(`${moment.format(new Date(one.sent_at))} · ${one.text || say("rule-no-text")}`, one.id)));
  picker().selectedIndex = -1; // The server says which one it takes.
  picker().closest("label").hidden = theirs.length < 2;
  listed = conversation;
};

const about = (conversation) => ({ conversation_id: conversation, ...(picker().value && { message_id: picker().value }) });

/** Try on the conversation that is chosen, and show what comes of it unless something else was asked meanwhile. */
const tryOn = async (look) => {
  const conversation = chosen();
  if (!conversation) return;
  asked += 1;
  const now = asked;
  try {
    await offer(conversation);
    if (now !== asked) return;
    const show = await look(conversation);
    if (now === asked) show();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (now === asked) $("try-result").replaceChildren(element("p", "error", refusal.message));
  }
};

/** A rule that is being edited, the kept one of `id` if there is one; the others beside it. `broken`: why it is none. */
export const tryDraft = ({ id, rule, broken }) =>
  tryOn(async (conversation) => {
    const mine = broken ? element("p", "hint", broken) : await tryOne({ ...about(conversation), rule });
    const key = `${conversation} ${picker().value}`;
    if (beside?.key !== key) beside = { key, ...(await attempt(about(conversation))) };
    return () => showTried(mine, id);
  });

const tryOne = async (body) => {
  try {
    const { items: [mine], message_id: message } = await attempt(body);
    if (body.conversation_id === chosen()) picker().value = message;
    return verdict(mine, say(mine.would_fire ? "rule-fires" : "rule-rests"));
  } catch (refusal) {
    if (refusal.status !== 422) throw refusal;
    return element("p", "hint", say("rule-unfinished", { why: Object.values(refusal.fields)[0] ?? refusal.message }));
  }
};

const showTried = (mine, id) => {
  const shown = [mine];
  if (beside.silent) shown.unshift(element("p", "notice", say("rule-silent", { why: beside.silent })));
  const rest = beside.items.filter((one) => one.rule_id !== id && one.enabled);
  if (rest.length) shown.push(othersOf(rest));
  $("try-result").replaceChildren(...shown);
};

const othersOf = (rest) => {
  const list = element("ul", "others");
  for (const one of [...rest].sort((a, b) => b.would_fire - a.would_fire)) {
    const link = Object.assign(element("a", "link", one.name), { href: `/settings/rules/${one.rule_id}` });
    list.append(element("li", one.would_fire ? "fires" : "", icon(one.would_fire ? "fires" : "rests"), element("span", "", link, one.would_fire ? "" : element("small", "", one.reasons[0] ?? ""))));
  }
  return element("section", "", element("h3", "", say("rule-others")), list);
};

/** All rules, each beside its row. */
export const tryAll = (rows) =>
  tryOn(async (conversation) => {
    const { items, silent, message_id: message } = await attempt(about(conversation));
    return () => {
      picker().value = message;
      const told = new Map(items.map((one) => [one.rule_id, one]));
      for (const row of rows) {
        const one = told.get(row.dataset.rule);
        row.querySelector("[data-verdict]").replaceChildren(...(one ? [verdict(one, say(verdictWords(one)))] : []));
      }
      const fires = items.filter((one) => one.would_fire && one.enabled).length;
      const words = silent ? say("rule-silent", { why: silent }) : say(fires ? "rules-fire" : "rules-rest", { count: fires });
      $("try-result").replaceChildren(element("p", silent ? "notice" : "hint", words));
    };
  });

const verdictWords = ({ enabled, would_fire: fires }) => (fires ? (enabled ? "rule-fires" : "rule-fires-on") : "rule-rests");
