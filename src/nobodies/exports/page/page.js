import { marked } from "./marking.js";
import { latentCode } from "./seeds.js";
import { sliders } from "./sliders.js";
import { texts, translate } from "./texts.js";

const MOST_TRIES = 20;

const at = (id) => document.getElementById(id);
const say = (text) => { at("state").textContent = text; };
const worker = new Worker("worker.js");
let about = null, changes = null, shown = null, busy = false, waiting = false;

function ask(message, transfer = []) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = (event) => reject(new Error(event.message || "the worker did not start"));
    worker.postMessage(message, transfer);
  });
}

async function download(url, total) {
  const reader = (await fetch(url)).body.getReader();
  const bytes = new Uint8Array(total);
  for (let done = 0; ;) {
    const { value, done: last } = await reader.read();
    if (last) return bytes;
    bytes.set(value, done);
    done += value.length;
    at("progress").value = done / total;
    say(texts.loading(Math.round((100 * done) / total)));
  }
}

function lock(locked) {
  busy = locked;
  for (const id of ["make", "another"]) at(id).disabled = locked;
  at("save").disabled = locked || !shown;
  at("progress").hidden = !locked;
}

function draw(seed) {
  const label = about.c_dim ? Float32Array.from({ length: about.c_dim }, (_, i) => Number(i === Number(at("label").value))) : null;
  const shift = about.sliders ? changes.step() : null;
  return ask({ z: latentCode(seed, about.z_dim), psi: Number(at("psi").value), label, shift });
}

function show(seed, { pixels, size, took_s }) {
  const canvas = at("face");
  canvas.width = canvas.height = size;
  canvas.getContext("2d").putImageData(new ImageData(pixels, size, size), 0, 0);
  canvas.setAttribute("aria-label", texts.face(seed));
  const changed = changes.values();
  shown = { model: about.model, weights: about.weights, psi: Number(at("psi").value), seed: String(seed) };
  if (Object.keys(changed).length) shown.changes = changed;
  at("reset").hidden = !("changes" in shown) && shown.psi === 0.7;
  say(texts.made(seed, took_s.toFixed(1)));
}

/** Draw a face, and show it unless it is to be passed over. Returns whether it was shown. */
async function make(isAllowed = () => true) {
  if (!at("wishes").reportValidity()) return true;
  const seed = BigInt(at("seed").value);
  if (seed >= 1n << 64n) { say(texts.too_large); return true; }
  lock(true);
  say(texts.making);
  try {
    const drawn = await draw(seed);
    if (!isAllowed(drawn)) return false;
    show(seed, drawn);
  } catch (error) {
    say(texts.failed(error.message));
  } finally {
    lock(false);
  }
  return true;
}

/** Draw again once what is being drawn is done. Many wishes while one is drawn are one. */
async function again() {
  if (busy) { waiting = true; return; }
  do {
    waiting = false;
    await make();
  } while (waiting);
}

/** Faces that come up by chance are grown-ups, as far as the style code tells. */
async function another() {
  if (busy) return;
  changes.reset();
  const isAdult = ({ age }) => age === undefined || age >= about.adult_age;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    at("seed").value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    if (await make(isAdult)) return;
  }
}

async function save() {
  const blob = await new Promise((resolve) => at("face").toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(marked(new Uint8Array(await blob.arrayBuffer()), shown));
  link.download = `nobody-${shown.seed}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function reset() {
  changes.reset();
  at("psi").value = 0.7;
  at("psi-value").textContent = "0.7";
  again();
}

/** Keep the page for offline use, and gain threads where the server does not send the headers that they want. */
async function settle() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("offline.js");
  await navigator.serviceWorker.ready;
  if (!crossOriginIsolated && !sessionStorage.getItem("reloaded")) {
    sessionStorage.setItem("reloaded", "yes");
    location.reload();
    await new Promise(() => {});
  }
}

async function start() {
  translate();
  at("face").setAttribute("aria-label", texts.empty);
  await settle().catch(() => {});
  about = await (await fetch("about.json")).json();
  for (const element of document.querySelectorAll(".label-row")) element.hidden = !about.c_dim;
  if (about.c_dim) at("label").max = String(about.c_dim - 1);
  const bytes = await download("model.onnx", about.model_bytes);
  say(texts.preparing);
  at("progress").removeAttribute("value");
  const threads = crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency || 1) : 1;
  await ask({ bytes, threads }, [bytes.buffer]);
  document.documentElement.dataset.threads = String(threads);
  changes = sliders(about, at("sliders"), again);
  at("wishes").addEventListener("submit", (event) => { event.preventDefault(); again(); });
  at("another").addEventListener("click", another);
  at("save").addEventListener("click", save);
  at("reset").addEventListener("click", reset);
  at("psi").addEventListener("input", () => { at("psi-value").textContent = at("psi").value; });
  at("psi").addEventListener("change", again);
  await make();
}

start().catch((error) => say(texts.stopped(error.message)));
