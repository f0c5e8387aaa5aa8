// One WebSocket: each frame tells which regions of the page are out of date, and those fetch themselves again.

import { call, refresh, say, signInAgain, toast } from "./api.js";
import { alone, attend, gathered } from "./company.js";
import { answered } from "./composer.js";
import { moved } from "./merging.js";

const RETRY_MS = [400, 1000, 2000, 4000, 8000];
const PATIENCE_MS = 2500; // A shorter break is nobody's business.
const POLL_MS = 5000;
const SESSION_OVER = 4401;
const GAP_MS = { "live:list": 400, "live:card": 400, "live:me": 1000, "live:wallboard": 1000 };

let socket = null;
let since = null;
let failures = 0;
let retry = 0;
let patience = 0;
let poll = 0;

const opened = () => document.querySelector("[data-conversation]")?.dataset.conversation;

// A region that was told twice within its gap fetches once, at the end of it.
const due = new Map();
const last = new Map();

const soon = (name) => {
  if (due.has(name)) return;
  const wait = Math.max(30, (last.get(name) ?? 0) + (GAP_MS[name] ?? 0) - Date.now());
  due.set(
    name,
    setTimeout(() => {
      due.delete(name);
      last.set(name, Date.now());
      refresh(name);
    }, wait),
  );
};

const messageLane = (messageId) => document.getElementById(`m-${messageId}`)?.closest(".lane");

const staleLane = (messageId) => {
  const lane = messageLane(messageId);
  if (lane && lane.id !== "messages") htmx.trigger(lane, "live:lane");
  else soon("live:messages");
};

/** A thread that shows all that happened is behind when anything did. */
const everythingShown = () => {
  if (document.querySelector('.thread[data-view="everything"]')) soon("live:messages");
};

const everything = () => {
  ["live:list", "live:messages", "live:bar", "live:card", "live:me", "live:tasks", "live:wallboard"].forEach(soon);
  // What is under way may have ended before we listened; where nothing is, somebody may be at work on the screen.
  if (document.querySelector(".place [data-passing]")) soon("live:place");
};

const handlers = {
  message(data, type) {
    if (type === "message.created") answered(data);
    if (data.conversation_id === opened()) staleLane(data.id);
    soon("live:list");
  },
  conversation(data, type) {
    soon("live:wallboard");
    if (type === "conversation.viewers") {
      gathered(data);
      return;
    }
    if (data.handed_over?.new) tellHandedOver(data);
    if (type === "conversation.moved") {
      moved(data);
      soon("live:list");
      return;
    }
    if (data.id === opened()) {
      everythingShown();
      soon("live:bar");
      soon("live:card");
    }
    soon("live:list");
    soon("live:me");
  },
  customer(data) {
    if (data.id === document.getElementById("card")?.dataset.customer) {
      everythingShown();
      soon("live:card");
      soon("live:bar");
    }
    soon("live:list");
  },
  order(data) {
    everythingShown();
    // One that is nobody's may be suggested here.
    if (!data.customer_id || data.customer_id === document.getElementById("card")?.dataset.customer || document.getElementById(`order-${data.id}`)) soon("live:card");
  },
  identity() {
    soon("live:card");
    soon("live:bar");
  },
  manager() {
    soon("live:wallboard");
    soon("live:me");
    soon("live:bar");
    if (document.querySelector('[data-shows="managers"]')) soon("live:place");
  },
  task() {
    soon("live:tasks");
    soon("live:card");
  },
  parcel() {
    soon("live:card");
  },
  carrier() {
    soon("live:list");
    soon("live:place");
  },
  channel() {
    soon("live:bar");
    soon("live:list");
    soon("live:place");
  },
  numbers() {
    soon("live:wallboard");
  },
  import() {
    soon("live:place");
  },
  ready: everything,
  reset: everything,
};

const heard = new Set();

/** Somebody handed a conversation over to us: said once, wherever on the page we are. */
const tellHandedOver = ({ id, handed_over: { by, note, at } }) => {
  if (heard.has(at) || id === opened()) return;
  heard.add(at);
  const run = () => document.getElementById(`c-${id}`)?.click() ?? location.assign(`/inbox/${id}`);
  toast(say("handed-to-you", { name: by.name, note }), { action: say("open"), run });
};

const receive = (frame) => {
  since = frame.seq;
  handlers[frame.type.split(".")[0]]?.(frame.data ?? {}, frame.type);
};

const line = (text) => {
  const place = document.getElementById("connection");
  if (!place) return;
  place.textContent = text ?? "";
  place.hidden = !text;
};

const lost = () => {
  alone();
  line(say(navigator.onLine ? "reconnecting" : "offline"));
  if (!poll) poll = setInterval(everything, POLL_MS);
};

const restored = () => {
  clearTimeout(patience);
  clearInterval(poll);
  patience = 0;
  poll = 0;
  line(null);
};

const connect = () => {
  clearTimeout(retry);
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const address = new URL("/api/v1/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  if (since !== null) address.searchParams.set("since", since);
  socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    failures = 0;
    restored();
    const line = socket;
    attend((said) => {
      if (line.readyState === WebSocket.OPEN) line.send(JSON.stringify(said));
    });
  });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", again);
};

const again = (event) => {
  if (event.code === SESSION_OVER) {
    signInAgain();
    return;
  }
  if (!patience) patience = setTimeout(lost, PATIENCE_MS);
  const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
  failures += 1;
  // A session that ended before the socket opened looks like a broken connection; the API knows the difference.
  if (failures === 3) call("GET", "/api/v1/me").catch(() => {});
  retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
};

// A list that somebody asked for pushed a live one aside: what that would have brought is fetched after it.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target?.id === "list-body" && !detail.requestConfig?.triggeringEvent?.type.startsWith("live:")) soon("live:list");
});

export const start = () => {
  connect();
  addEventListener("online", () => {
    connect();
    if (socket.readyState === WebSocket.OPEN) restored();
    everything();
  });
  addEventListener("offline", lost);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connect();
  });
};
