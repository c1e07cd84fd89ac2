// Download: format, shape and size of one face, and several at once as an archive.

import { call, number, save, tell, tellFailure, text } from "./lib.js";

const page = document.getElementById("download");
const form = document.getElementById("form");
const frame = document.getElementById("frame");
const preview = document.getElementById("preview");
const progress = document.getElementById("progress");
const chips = [...document.querySelectorAll(".chip")];
const own = form.size.querySelector("[value=own]");
const largest = form.size.querySelector("option").value;
let ownSize = null;

function chosen() {
  const size = form.size.value === "own" ? ownSize : form.size.value;
  const shape = form.shape.value;
  return {
    format: form.format.value,
    ...(size === largest ? {} : { size: Number(size) }),
    ...(shape === "circle" ? { shape } : {}),
    ...(shape === "transparent" ? { background: shape } : {}),
  };
}

function update() {
  if (form.shape.value !== "square" && form.format.value === "jpeg") {
    form.format.value = "png";
    document.getElementById("shape-help").hidden = false;
  } else if (form.shape.value === "square") document.getElementById("shape-help").hidden = true;
  for (const chip of chips) chip.setAttribute("aria-pressed", String(form.size.value === "own" && chip.dataset.size === ownSize && chip === pressed));
  const { format, ...options } = chosen();
  const asked = new URLSearchParams(options);
  const address = `/face/${page.dataset.seed}.${format}`;
  asked.set("download", "true");
  document.getElementById("save").href = `${address}?${asked}`;
  frame.classList.toggle("circle", form.shape.value === "circle");
  frame.classList.toggle("transparent", form.shape.value === "transparent");
  const shown = new URLSearchParams({ ...(options.shape ? { shape: options.shape } : {}), ...(options.background ? { background: options.background } : {}) });
  const source = shown.size ? `/face/${page.dataset.seed}.webp?${shown}` : `/face/${page.dataset.seed}.jpeg`;
  if (preview.getAttribute("src") !== source) preview.src = source;
}

let pressed = null;
for (const chip of chips) {
  chip.addEventListener("click", () => {
    pressed = chip;
    ownSize = chip.dataset.size;
    own.textContent = `${ownSize} px`;
    own.hidden = false;
    form.size.value = "own";
    update();
  });
}

/** Read an archive as it comes, and count the pictures in it by their headers. */
async function readArchive(answer, count) {
  const reader = answer.body.getReader();
  const parts = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: "application/zip" });
    parts.push(value);
    progress.value = Math.min(count, parts.length) / count;
    tell(text("zip_progress", { done: number(Math.min(count, parts.length)), count: number(count) }));
  }
}

document.getElementById("zip").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const count = Math.max(1, Math.min(Number(page.dataset.limit), Math.round(Number(document.getElementById("count").value) || 1)));
  button.disabled = true;
  progress.hidden = false;
  progress.value = 0;
  try {
    const answer = await call("/api/v1/batch", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ count, ...chosen() }),
    });
    save(await readArchive(answer, count), "nobodies.zip");
    tell(text("zip_done", { count: number(count) }));
  } catch (error) {
    tellFailure(error);
  } finally {
    button.disabled = false;
    progress.hidden = true;
  }
});

form.addEventListener("change", update);
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("several").hidden = false;
update();
