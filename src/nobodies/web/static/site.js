// On every page: copying addresses, the switch of the language, and the open page's place in the menu.

import { tell, text } from "./lib.js";

// On a phone the menu is wider than the screen: the page that is open shall be seen in it.
const menu = document.querySelector(".nav"), open = menu.querySelector("[aria-current]");
if (open) menu.scrollLeft = open.offsetLeft - (menu.clientWidth - open.offsetWidth) / 2;

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
