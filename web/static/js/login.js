// Sign in, and say plainly why it did not work.

const form = document.getElementById("login");
const error = document.getElementById("login-error");
const password = document.getElementById("password");
const peek = document.getElementById("peek");

const complain = (text) => {
  error.textContent = text;
  error.hidden = false;
};

peek.addEventListener("click", () => {
  const shown = password.type === "text";
  password.type = shown ? "password" : "text";
  peek.setAttribute("aria-pressed", String(!shown));
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  error.hidden = true;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const body = JSON.stringify({ email: form.elements.email.value, password: password.value });
  try {
    const response = await fetch("/api/v1/sessions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (response.status === 201) {
      location.replace(form.dataset.next);
      return;
    }
    if (response.status === 429) complain(form.dataset.busy.replace("%s", response.headers.get("Retry-After")));
    else if (response.status === 401) complain(form.dataset.wrong);
    else complain((await response.json()).detail);
    password.select();
  } catch {
    complain(form.dataset.offline);
  }
  button.disabled = false;
});

for (const guest of document.querySelectorAll(".guest")) {
  guest.addEventListener("click", () => {
    form.elements.email.value = guest.dataset.email;
    password.value = guest.dataset.password;
    form.requestSubmit();
  });
}

// Within the split screen the phone is there already.
if (window.self !== window.top) document.getElementById("phone")?.remove();
