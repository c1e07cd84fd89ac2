// On every page: copying addresses, and the switch of the language.

import { tell, text } from "./lib.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(new URL(button.dataset.copy || location.href, location.href).href);
    tell(text("copied"));
  });
}

for (const link of document.querySelectorAll("[data-language]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const address = new URL(location.href);
    address.searchParams.set("lang", link.dataset.language);
    location.assign(address);
  });
}
