// The one way to write: JSON to /api/v1 with the session's CSRF token. Also what is said to people when it fails.

export const texts = JSON.parse(document.getElementById("texts").textContent);

export const say = (key, values = {}) => (texts[key] ?? key).replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");

/** A refusal: `detail` is for people, `fields` says what is wrong by field name, status 0 means nobody answered. */
export class Refusal extends Error {
  constructor(status, problem = {}) {
    super(problem.detail ?? say(status ? "broken" : "unreachable"));
    this.status = status;
    this.version = problem.current_version;
    this.newer = problem.newer ?? [];
    this.fields = Object.fromEntries((problem.errors ?? []).map((row) => [row.field, row.message]));
  }

  get uncertain() {
    return this.status === 0 || this.status >= 500;
  }
}

export const headers = () => ({ "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content });

export const signInAgain = () => {
  location.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
};

/** What makes a second try of the same thing harmless. */
export const token = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Call the API; resolves with its answer (null where there is none), rejects with a `Refusal`. `version`: only that one. */
export const call = async (method, path, body, { timeout = 20000, signal, version } = {}) => {
  const options = { method, headers: { ...headers(), Accept: "application/json" }, signal: AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]) };
  if (version !== undefined) options.headers["If-Match"] = `"${version}"`;
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal(0);
  }
  if (response.status === 401 && !path.endsWith("/password")) signInAgain();
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, answer ?? {});
  return answer;
};

/** Say something in passing, with one thing that can be done about it. */
export const toast = (text, { action, run, stay = false } = {}) => {
  const box = document.createElement("div");
  box.className = "toast";
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action;
    button.addEventListener("click", () => {
      box.remove();
      run();
    });
    box.append(button);
  }
  const shelf = document.getElementById("toasts");
  while (shelf.children.length > 1) shelf.firstChild.remove();
  shelf.append(box);
  if (!stay) setTimeout(() => box.remove(), action ? 8000 : 5000);
  return box;
};

/** Ask before what cannot be undone. */
export const sure = (question, yes) =>
  new Promise((resolve) => {
    const dialog = document.getElementById("confirm");
    dialog.querySelector("[data-question]").textContent = question;
    dialog.querySelector("[data-yes]").textContent = yes;
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });

/** Have regions of the page fetch themselves again: `live:list`, `live:bar`, … */
export const refresh = (...names) => {
  for (const name of names) htmx.trigger(document.body, name);
};
