// What all pages share: texts, calls of the API, and telling the visitor what happens.

const texts = JSON.parse(document.getElementById("texts").textContent);

/** A text in the visitor's language, with values in its {places}. */
export function text(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
}

/** A number as the visitor's language writes it. */
export function number(value, digits = 0) {
  return value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

let fading;

/** Show a short message, which screen readers read out. */
export function tell(message, { shown = true } = {}) {
  const status = document.getElementById("status");
  status.textContent = message;
  status.classList.toggle("shown", shown);
  clearTimeout(fading);
  fading = setTimeout(() => status.classList.remove("shown"), 3500);
}

/** Tell what went wrong. What was called off by ourselves is no news. */
export function tellFailure(error) {
  if (error.name !== "AbortError") tell(text("failed", { detail: error.message }));
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Fetch from this server. A busy server is asked again after the time it names. */
export async function call(address, options = {}) {
  const pass = document.documentElement.dataset.pass;
  const headers = { ...(pass && address.startsWith("/api/") ? { Authorization: `Bearer ${pass}` } : {}), ...options.headers };
  for (let tries = 0; ; tries++) {
    let answer;
    try {
      answer = await fetch(address, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error(text("offline"));
    }
    if (answer.ok) return answer;
    if (answer.status !== 503 || tries === 5) {
      const problem = await answer.json().catch(() => ({}));
      throw new Error(problem.detail ?? String(answer.status));
    }
    tell(text("busy"));
    await pause(1000 * Math.min(30, Number(answer.headers.get("Retry-After")) || 1));
  }
}

/** Fetch JSON. */
export async function callJson(address, options) {
  return (await call(address, options)).json();
}

/** Fetch a picture, and give an address that shows it at once. */
export async function loadPicture(address, options) {
  const blob = await (await call(address, options)).blob();
  const local = URL.createObjectURL(blob);
  const image = new Image();
  image.src = local;
  await image.decode();
  return local;
}

/** Show a picture in an element, and let go of the one it showed before. */
export function show(image, local) {
  const before = image.src;
  image.src = local;
  if (before.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(before), 1000);
}

/** Save a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Give files that are dropped on an element, chosen in an input, or pasted. */
export function takeFiles(zone, input, take) {
  const over = (on) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", on);
  };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
  input.addEventListener("change", () => input.files.length && take(input.files[0]));
  document.addEventListener("paste", (event) => event.clipboardData.files.length && take(event.clipboardData.files[0]));
}
