// Sliders that change what a face is like: each adds its direction to the style code, as far as the face stays whole.

import { texts } from "./texts.js";

/** Make a slider for each attribute in `about`. `changed` is called when one is let go. */
export function sliders(about, place, changed) {
  const inputs = (about.sliders ?? []).map(({ name, range: [min, max, step] }) => {
    const row = document.createElement("div");
    const label = document.createElement("label"), value = document.createElement("output"), input = document.createElement("input");
    row.className = "slider";
    label.htmlFor = value.htmlFor = input.id = `change-${name}`;
    label.textContent = texts[name];
    Object.assign(input, { type: "range", min, max, step, value: 0 });
    const show = () => { value.textContent = Number(input.value) > 0 ? `+${input.value}` : input.value.replace("-", "−"); };
    input.addEventListener("input", show);
    input.addEventListener("change", changed);
    input.show = show;
    show();
    row.append(label, value, input);
    place.append(row);
    return input;
  });

  /** Give the step in w, a Float32Array. */
  function step() {
    const shift = new Float32Array(about.w_dim);
    const scores = inputs.map((input, k) => Number(input.value) * about.sliders[k].scale);
    const length = Math.sqrt(scores.reduce((sum, a, j) => sum + a * scores.reduce((inner, b, k) => inner + about.precision[j][k] * b, 0), 0));
    const share = length > about.longest ? about.longest / length : 1;
    scores.forEach((score, k) => {
      if (score) about.sliders[k].direction.forEach((each, i) => { shift[i] += share * score * each; });
    });
    return shift;
  }

  const values = () => Object.fromEntries(inputs.filter((input) => Number(input.value)).map((input) => [input.id.slice(7), Number(input.value)]));

  function reset() {
    for (const input of inputs) {
      input.value = 0;
      input.show();
    }
  }

  return { step, values, reset };
}
