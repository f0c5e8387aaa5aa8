// The colours somebody chose, and where their clock stands: both as cookies, so that the server draws the page right at once.

const YEAR = 31536000;

const remember = (name, value) => {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR}; samesite=lax`;
};

const root = document.documentElement;

const show = () => {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme));
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (!button) return;
  root.dataset.theme = button.dataset.themeChoice;
  remember("skrynka_theme", button.dataset.themeChoice);
  show();
});

document.addEventListener("htmx:afterSettle", show);
remember("skrynka_zone", Intl.DateTimeFormat().resolvedOptions().timeZone);
show();
