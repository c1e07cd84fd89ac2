import { marked } from "./marking.js";
import { latentCode } from "./seeds.js";

const at = (id) => document.getElementById(id);
const say = (text) => { at("state").textContent = text; };
const worker = new Worker("worker.js");
let about = null, shown = null, busy = false;

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
    say(`Loading the model: ${Math.round((100 * done) / total)} %`);
  }
}

function lock(locked) {
  busy = locked;
  for (const id of ["make", "another"]) at(id).disabled = locked;
  at("save").disabled = locked || !shown;
}

async function make() {
  if (busy || !at("wishes").reportValidity()) return;
  const seed = BigInt(at("seed").value), psi = Number(at("psi").value);
  if (seed >= 1n << 64n) return say("The seed is too large: take 0 to 18446744073709551615.");
  lock(true);
  say("Making the face …");
  try {
    const label = about.c_dim ? Float32Array.from({ length: about.c_dim }, (_, i) => Number(i === Number(at("label").value))) : null;
    const { pixels, size, took_s } = await ask({ z: latentCode(seed, about.z_dim), psi, label });
    const canvas = at("face");
    canvas.width = canvas.height = size;
    canvas.getContext("2d").putImageData(new ImageData(pixels, size, size), 0, 0);
    canvas.setAttribute("aria-label", `The face of seed ${seed}`);
    shown = { model: about.model, weights: about.weights, psi, seed: String(seed) };
    say(`Seed ${seed}, made in ${took_s.toFixed(1)} s.`);
  } catch (error) {
    say(`That did not work: ${error.message}`);
  }
  lock(false);
}

function another() {
  at("seed").value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  return make();
}

async function save() {
  const blob = await new Promise((resolve) => at("face").toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(marked(new Uint8Array(await blob.arrayBuffer()), shown));
  link.download = `nobody-${shown.seed}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
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
  await settle().catch(() => {});
  about = await (await fetch("about.json")).json();
  at("label-row").hidden = !about.c_dim;
  if (about.c_dim) at("label").max = String(about.c_dim - 1);
  const bytes = await download("model.onnx", about.model_bytes);
  say("Preparing the model …");
  const threads = crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency || 1) : 1;
  await ask({ bytes, threads }, [bytes.buffer]);
  document.documentElement.dataset.threads = String(threads);
  at("wishes").addEventListener("submit", (event) => { event.preventDefault(); make(); });
  at("another").addEventListener("click", another);
  at("save").addEventListener("click", save);
  at("psi").addEventListener("input", () => { at("psi-value").textContent = at("psi").value; });
  at("psi").addEventListener("change", make);
  lock(false);
  await make();
}

start().catch((error) => say(`This page could not start: ${error.message}`));
