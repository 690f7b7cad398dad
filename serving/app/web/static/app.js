// Suggestions while somebody types, and ratings without a reload. Everything works without this file.
"use strict";

// --- Search ---
const input = document.getElementById("search");
const list = document.getElementById("suggestions");
let wanted = 0;

function close() {
  list.hidden = true;
  list.replaceChildren();
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function choose(step) {
  const options = [...list.children];
  if (!options.length) return;
  const now = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const next = (now + step + options.length + (now < 0 && step < 0 ? 1 : 0)) % options.length;
  options.forEach((option, place) => option.setAttribute("aria-selected", String(place === next)));
  input.setAttribute("aria-activedescendant", options[next].id);
}

async function suggest() {
  const words = input.value.trim();
  const mine = ++wanted;
  if (words.length < 2) return close();
  const response = await fetch(`/api/v1/movies?limit=8&query=${encodeURIComponent(words)}`).catch(() => null);
  if (mine !== wanted) return;
  if (!response || !response.ok) return close();
  const found = await response.json();
  if (mine !== wanted) return;
  list.replaceChildren(
    ...found.movies.map((movie, place) => {
      const option = document.createElement("li");
      option.id = `suggestion-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.address = `/films/${encodeURIComponent(movie.movie_id)}`;
      option.textContent = movie.year ? `${movie.name} (${movie.year})` : movie.name;
      return option;
    }),
  );
  list.hidden = !found.movies.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
}

input.setAttribute("role", "combobox");
input.setAttribute("aria-autocomplete", "list");
input.setAttribute("aria-controls", "suggestions");
input.setAttribute("aria-expanded", "false");
let pause = 0;
input.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(suggest, 120);
});
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Escape") {
    close();
  } else if (event.key === "Enter") {
    const chosen = list.querySelector("[aria-selected=true]");
    if (chosen) {
      event.preventDefault();
      location.assign(chosen.dataset.address);
    }
  }
});
list.addEventListener("mousedown", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) location.assign(option.dataset.address);
});
input.addEventListener("blur", close);

// --- Ratings: send the form, and put the page that it leads to in the place of this one ---
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-swap]")) return;
  event.preventDefault();
  const content = document.getElementById("content");
  if (content.getAttribute("aria-busy") === "true") return;
  content.setAttribute("aria-busy", "true");
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const response = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = page.getElementById("content");
    if (!next) throw new Error("not a page of ours");
    content.replaceWith(next);
    document.title = page.title;
    // What a person reads next, and where the keyboard goes on.
    document.getElementById("message").focus({ preventScroll: true });
  } catch {
    content.removeAttribute("aria-busy");
    const message = document.getElementById("message");
    message.textContent = "That did not reach the server: try again.";
    message.focus();
  }
});
