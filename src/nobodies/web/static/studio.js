// Studio: sliders that the picture follows, small while they move and full when they rest. The address says it all.

import { callJson, loadPicture, number, show, tellFailure, text } from "./lib.js";

const SMALL_PX = 384;
const FRAME_PX = 512;
const THUMB_PX = 128;
const FRAMES = 12;
const FRAME_MS = 90;

const studio = document.getElementById("studio");
const panel = document.getElementById("panel");
const image = document.getElementById("face");
const undo = document.getElementById("undo");
const play = document.getElementById("play");
const seed = studio.dataset.seed;
const sliders = [...panel.querySelectorAll("input[type=range]")];
const past = [];
let current = query().toString();

const atMost = (size) => Math.min(size, Number(studio.dataset.largest));

/** What is asked for, in the words of the API; what is as by default is left out. */
function query() {
  const asked = new URLSearchParams();
  const edits = [];
  for (const slider of sliders) {
    if (Number(slider.value) === Number(slider.dataset.neutral)) continue;
    if (slider.id.startsWith("edit-")) edits.push(`${slider.id.slice(5)}:${slider.value}`);
    else if (slider.id === "psi") asked.set("psi", slider.value);
  }
  if (edits.length) asked.set("edit", edits.join(","));
  if (Number(panel.amount.value) > 0) setMix(asked, panel.amount.value);
  return asked;
}

function setMix(asked, amount) {
  asked.set("mix", panel.mix.value);
  asked.set("amount", amount);
  if (panel.layers.value !== "all") asked.set("layers", panel.layers.value);
}

function address(path, asked, extra = {}) {
  const all = new URLSearchParams(asked);
  for (const [name, value] of Object.entries(extra)) all.set(name, value);
  return all.size ? `${path}?${all}` : path;
}

const pictureOf = (asked, extra) => address(`/face/${seed}.jpeg`, asked, extra);

let drawing = null;
let wanted = null;

/** Draw what is asked for. While one picture is drawn, only the newest wish is remembered. */
async function draw(asked, small) {
  wanted = { asked, small };
  if (drawing) {
    if (!small) drawing.abort();
    return;
  }
  while (wanted) {
    const now = wanted;
    wanted = null;
    drawing = new AbortController();
    image.parentElement.classList.add("working");
    try {
      show(image, await loadPicture(pictureOf(now.asked, now.small ? { size: atMost(SMALL_PX) } : {}), { signal: drawing.signal }));
    } catch (error) {
      tellFailure(error);
    }
    drawing = null;
  }
  image.parentElement.classList.remove("working");
}

/** A change as people write it: none at all if there is none, parts of the whole as per cent. */
function change(value, slider) {
  if (value === 0) return "";
  const amount = Number(slider.max) === 1 ? `${number(100 * value)} %` : number(value);
  return value > 0 ? `+${amount}` : amount;
}

function writeValues() {
  for (const slider of sliders) {
    const value = Number(slider.value);
    document.getElementById(`${slider.id}-value`).textContent = slider.id.startsWith("edit-") ? change(value, slider) : number(value, 2);
  }
}

function settle({ remember = true } = {}) {
  const asked = query();
  if (asked.toString() === current) return;
  if (remember) past.push(current);
  current = asked.toString();
  undo.disabled = !past.length;
  history.replaceState(null, "", address(`/face/${seed}`, asked));
  document.getElementById("save").href = pictureOf(asked, { download: "true" });
  draw(asked, false);
}

function restore(text_) {
  const asked = new URLSearchParams(text_);
  const edits = Object.fromEntries((asked.get("edit") ?? "").split(",").filter(Boolean).map((each) => each.split(":")));
  for (const slider of sliders) {
    if (slider.id.startsWith("edit-")) slider.value = edits[slider.id.slice(5)] ?? 0;
    else slider.value = asked.get(slider.id) ?? slider.dataset.neutral;
  }
  panel.layers.value = asked.get("layers") ?? "all";
  if (asked.has("mix")) setOther(asked.get("mix"));
  writeValues();
  settle({ remember: false });
}

function setOther(other) {
  panel.mix.value = other;
  document.getElementById("other-face").src = `/face/${other}.jpeg?size=${atMost(THUMB_PX)}`;
}

for (const slider of sliders) {
  slider.addEventListener("input", () => {
    stopPlaying();
    writeValues();
    draw(query(), true);
  });
  slider.addEventListener("change", () => settle());
}
panel.layers.addEventListener("change", () => settle());
panel.addEventListener("submit", (event) => event.preventDefault());
undo.addEventListener("click", () => past.length && restore(past.pop()));
document.getElementById("reset").addEventListener("click", (event) => {
  event.preventDefault();
  past.push(current);
  restore("");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && past.length) {
    event.preventDefault();
    restore(past.pop());
  }
});

document.getElementById("another-other").addEventListener("click", async () => {
  try {
    stopPlaying();
    setOther((await callJson("/api/v1/faces?count=1")).faces[0].seed);
    if (Number(panel.amount.value) === 0) panel.amount.value = 0.5;
    writeValues();
    settle();
  } catch (error) {
    tellFailure(error);
  }
});

let playing = null;

function stopPlaying() {
  if (!playing) return;
  playing.abort();
  clearInterval(playing.timer);
  playing.frames?.forEach(URL.revokeObjectURL);
  playing = null;
  play.setAttribute("aria-pressed", "false");
  play.querySelector("span").textContent = text("play");
  image.parentElement.classList.remove("working");
}

async function startPlaying() {
  const run = (playing = new AbortController());
  play.setAttribute("aria-pressed", "true");
  play.querySelector("span").textContent = text("stop");
  image.parentElement.classList.add("working");
  const frame = (index) => {
    const asked = query();
    ["mix", "amount", "layers"].forEach((name) => asked.delete(name));
    if (index > 0) setMix(asked, String(Math.round((100 * index) / (FRAMES - 1)) / 100));
    return loadPicture(pictureOf(asked, { size: atMost(FRAME_PX) }), { signal: run.signal });
  };
  try {
    run.frames = await Promise.all(Array.from({ length: FRAMES }, (_, index) => frame(index)));
  } catch (error) {
    if (playing === run) stopPlaying();
    tellFailure(error);
    return;
  }
  image.parentElement.classList.remove("working");
  let step = 0;
  run.timer = setInterval(() => {
    const there = step % (2 * FRAMES - 2);
    image.src = run.frames[there < FRAMES ? there : 2 * FRAMES - 2 - there];
    step += 1;
  }, FRAME_MS);
}

play.addEventListener("click", () => {
  if (!playing) {
    startPlaying();
    return;
  }
  stopPlaying();
  draw(query(), false);
});

for (const id of ["undo", "play", "another-other"]) document.getElementById(id).hidden = false;
writeValues();
