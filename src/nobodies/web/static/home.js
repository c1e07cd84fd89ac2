// Home: another face, which is there before it is asked for, and back through those already seen.

import { callJson, loadPicture, tell, tellFailure, text } from "./lib.js";

const AHEAD = 2;
const SWIPE_PX = 50;

const home = document.getElementById("home");
const image = document.getElementById("face");
const back = document.getElementById("back");
const another = document.getElementById("another");

const seen = [{ seed: home.dataset.seed, picture: image.src }];
const ready = [];
let at = 0;
let turning = false;

async function fetchFace() {
  const { faces } = await callJson("/api/v1/faces?count=1");
  return { seed: faces[0].seed, picture: await loadPicture(faces[0].picture) };
}

function prepare() {
  while (ready.length < AHEAD) {
    const face = fetchFace();
    face.catch(() => {}); // told when it is wanted
    ready.push(face);
  }
}

function showFace(face) {
  image.src = face.picture;
  image.classList.remove("fresh");
  void image.offsetWidth; // lets the animation begin again
  image.classList.add("fresh");
  home.dataset.seed = face.seed;
  document.getElementById("change").href = `/face/${face.seed}`;
  document.getElementById("save").href = `/download?face=${face.seed}`;
  document.getElementById("copy").dataset.copy = `/face/${face.seed}`;
  back.hidden = at === 0;
}

async function next() {
  if (turning) return;
  turning = true;
  try {
    if (at === seen.length - 1) {
      if (!ready.length) prepare();
      image.parentElement.classList.add("working");
      seen.push(await ready.shift());
    }
    at += 1;
    showFace(seen[at]);
    tell(text("new_face"), { shown: false });
    prepare();
  } catch (error) {
    tellFailure(error);
  } finally {
    image.parentElement.classList.remove("working");
    turning = false;
  }
}

function previous() {
  if (at === 0) return;
  at -= 1;
  if (at === 0 && document.activeElement === back) another.focus();
  showFace(seen[at]);
  tell(text("earlier_face"), { shown: false });
}

another.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  next();
});
back.addEventListener("click", previous);

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const onControl = event.target.closest("button, input, select, textarea, summary");
  if (event.key === " " && !onControl) {
    event.preventDefault();
    if (!event.repeat) next();
  } else if (event.key === "ArrowRight" && !onControl) next();
  else if (event.key === "ArrowLeft" && !onControl) previous();
});

let startX = null;
let startY = null;
image.addEventListener("pointerdown", (event) => {
  startX = event.clientX;
  startY = event.clientY;
});
document.addEventListener("pointerup", (event) => {
  if (startX === null) return;
  const movedX = event.clientX - startX;
  const movedY = event.clientY - startY;
  startX = null;
  if (Math.abs(movedX) < SWIPE_PX || Math.abs(movedX) < 2 * Math.abs(movedY)) return;
  if (movedX < 0) next();
  else previous();
});
document.addEventListener("pointercancel", () => (startX = null));

document.getElementById("hint").hidden = false;
prepare();
