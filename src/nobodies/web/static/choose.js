// Choose: a wall of faces that grows as one scrolls, of any kind or of the kind wished for.

import { callJson, number, tellFailure, text } from "./lib.js";

const PAGE = 12;
const NEAR_PX = 400;

const wall = document.getElementById("wall");
const more = document.getElementById("more");
const found = document.getElementById("found");
const form = document.getElementById("wishes");

let following = null; // address of the next faces that fit, if wishes were made
let where = "";
let balanced = false;
let growing = false;
let round = 0;

function wishes() {
  if (!form) return "";
  const data = new FormData(form);
  const parts = [];
  const from = data.get("age_from");
  const to = data.get("age_to");
  if (from || to) parts.push(`age ${from || form.age_from.min}..${to || form.age_to.max}`);
  for (const select of form.querySelectorAll("select")) if (select.value) parts.push(select.value);
  return parts.join(", ");
}

function tile(face) {
  const image = new Image(256, 256);
  image.loading = "lazy";
  image.alt = text("face_alt");
  image.src = `${face.picture}?size=${wall.dataset.size}`;
  image.addEventListener("error", () => setTimeout(() => (image.src = `${face.picture}?size=${wall.dataset.size}&quality=90`), 3000), { once: true });
  const link = document.createElement("a");
  link.href = face.page;
  link.append(image);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

async function grow() {
  const chosen = where || balanced;
  if (growing || (chosen && following === null && wall.children.length)) return;
  growing = true;
  more.disabled = true;
  const mine = round;
  let grown = false;
  try {
    const query = new URLSearchParams({ count: PAGE, ...(where ? { where } : {}), ...(balanced ? { balanced } : {}) });
    const page = await callJson(following ?? `/api/v1/faces?${query}`);
    if (mine !== round) return;
    following = page.next ?? null;
    wall.append(...page.faces.map(tile));
    grown = page.faces.length > 0;
    if (chosen && page.faces.length) found.textContent = text("found_in", { count: number(wall.children.length), seconds: number(page.taken_s, 2) });
    if (!wall.children.length) found.textContent = text("none_found");
  } catch (error) {
    found.textContent = error.message;
    tellFailure(error);
  } finally {
    growing = false;
    more.disabled = false;
    if (mine !== round || (grown && isNear())) grow();
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  where = wishes();
  balanced = form.balanced.checked;
  following = null;
  round += 1;
  wall.replaceChildren();
  found.textContent = text("looking");
  if (!growing) grow();
});

more.hidden = false;
more.addEventListener("click", grow);
const end = document.getElementById("end");
const isNear = () => end.getBoundingClientRect().top < innerHeight + NEAR_PX;
new IntersectionObserver((entries) => entries[0].isIntersecting && grow(), { rootMargin: `${NEAR_PX}px` }).observe(end);

