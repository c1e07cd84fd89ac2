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

  /** Give how far a step goes in one layer, in the measure of the faces that the network knows. */
  function length(scores, layer) {
    const here = scores.map((score, k) => (about.sliders[k].layers.includes(layer) ? score : 0));
    return Math.sqrt(here.reduce((sum, a, j) => sum + a * here.reduce((inner, b, k) => inner + about.precision[j][k] * b, 0), 0));
  }

  /** Give the step in the style code of each layer: { values: Float32Array of layers times W, layers }. */
  function step() {
    const layers = about.num_ws, values = new Float32Array(layers * about.w_dim);
    const scores = inputs.map((input, k) => Number(input.value) * about.sliders[k].scale);
    const longest = Math.max(...Array.from({ length: layers }, (_, layer) => length(scores, layer)));
    const share = longest > about.longest ? about.longest / longest : 1;
    scores.forEach((score, k) => {
      if (!score) return;
      for (const layer of about.sliders[k].layers) {
        about.sliders[k].direction.forEach((each, i) => { values[layer * about.w_dim + i] += share * score * each; });
      }
    });
    return { values, layers };
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
