// The texts of a page in the browser's language: whole elements by `data-t`, their names by `data-label`, hints by `data-hint` and `data-title`.
const LANGUAGE = [navigator.language, navigator.language.split("-")[0], /^zh\b/i.test(navigator.language) && "zh-Hans",
  /^pt\b/i.test(navigator.language) && "pt-BR"].find(name => name && Object.hasOwn(TEXTS, name)) || "en";
const t = (id, values = {}) => TEXTS[LANGUAGE][id].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
document.documentElement.lang = LANGUAGE;
for (const place of document.querySelectorAll("[data-t]")) place.textContent = t(place.dataset.t);
for (const place of document.querySelectorAll("[data-label]")) {
  place.setAttribute("aria-label", t(place.dataset.label));
  if (place.title) place.title = t(place.dataset.label);
}
for (const place of document.querySelectorAll("[data-hint]")) place.placeholder = t(place.dataset.hint);
for (const place of document.querySelectorAll("[data-title]")) place.title = t(place.dataset.title);
