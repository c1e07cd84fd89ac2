// Runs the model beside the page, so that the page stays alive while a face is made.

importScripts("ort.wasm.min.js");

let session = null;

async function load({ bytes, threads }) {
  ort.env.wasm.wasmPaths = new URL("./", self.location.href).href;
  ort.env.wasm.numThreads = threads;
  session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  return {};
}

async function draw({ z, psi, label, shift }) {
  const inputs = {
    z: new ort.Tensor("float32", z, [1, z.length]),
    psi: new ort.Tensor("float32", [psi], []),
  };
  if (label) inputs.label = new ort.Tensor("float32", label, [1, label.length]);
  if (shift) inputs.shift = new ort.Tensor("float32", shift.values, [1, shift.layers, shift.values.length / shift.layers]);
  const began = performance.now();
  const { image, age } = await session.run(inputs);
  const took_s = (performance.now() - began) / 1000;
  const size = image.dims[2], plane = size * size, pixels = new Uint8ClampedArray(4 * plane);
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[4 * i + channel] = image.data[channel * plane + i] * 127.5 + 127.5;
    pixels[4 * i + 3] = 255;
  }
  image.dispose();
  return { pixels, size, took_s, age: age?.data[0] };
}

self.onmessage = async ({ data }) => {
  try {
    self.postMessage(await (data.bytes ? load(data) : draw(data)));
  } catch (error) {
    self.postMessage({ error: String(error && error.message || error) });
  }
};
