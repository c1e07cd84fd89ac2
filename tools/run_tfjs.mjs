// Run the published nets in TF.js on the inputs that check_vision_weights.py wrote, for comparison.
//
//     node tools/run_tfjs.mjs FOLDER HUMAN_MODELS FACE_API
//
// FOLDER holds NAME.u8 (one picture of bytes, [size, size, 3]) for each net; the outputs go beside it as
// NAME.OUTPUT.f32. HUMAN_MODELS and FACE_API are the unpacked packages. Needs @tensorflow/tfjs in node's path.

import fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';

const [folder, humanModels, faceApi] = process.argv.slice(2);
const require = createRequire(path.join(process.cwd(), 'package.json'));
const tf = require('@tensorflow/tfjs');
await tf.setBackend('cpu');

const read = (name) => new Uint8Array(fs.readFileSync(path.join(folder, `${name}.u8`)));
const write = (name, output, values) =>
  fs.writeFileSync(path.join(folder, `${name}.${output}.f32`), Buffer.from(Float32Array.from(values).buffer));

async function graphModel(file) {
  const json = JSON.parse(fs.readFileSync(file));
  const shards = json.weightsManifest.flatMap((group) => group.paths);
  const bytes = Buffer.concat(shards.map((shard) => fs.readFileSync(path.join(path.dirname(file), shard))));
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
  const signature = json.signature ?? json.userDefinedMetadata?.signature;
  return tf.loadGraphModel(
    tf.io.fromMemory({ modelTopology: json.modelTopology, weightSpecs, weightData, format: json.format, signature }),
  );
}

const grey = (x) => x.mul(tf.tensor1d([0.299, 0.587, 0.114])).sum(3, true);
const scaled = (divisor, shift) => (x) => x.div(divisor).add(shift);
const graphs = {
  detector: ['blazeface', 256, scaled(127.5, -1), ['Identity', 'Identity_1', 'Identity_2', 'Identity_3']],
  landmarks: ['facemesh-attention', 192, scaled(255, 0), [0, 1, 3, 4, 5].map((i) => (i ? `Identity_${i}` : 'Identity'))],
  person: ['selfie', 256, scaled(255, 0), ['activation_10']],
  emotion: ['emotion', 64, (x) => scaled(127.5, -1)(grey(x)), ['Identity']],
};
for (const [name, [file, size, prepare, outputs]] of Object.entries(graphs)) {
  const model = await graphModel(path.join(humanModels, 'models', `${file}.json`));
  const input = prepare(tf.tensor4d(Float32Array.from(read(name)), [1, size, size, 3]));
  for (const output of outputs) write(name, output, model.execute(input, output).dataSync());
}

// face-api's build for node asks for the native binding of TensorFlow; plain TF.js offers the same operations.
const load = Module._load;
Module._load = (request, ...rest) => (request === '@tensorflow/tfjs-node' ? tf : load(request, ...rest));
const api = require(path.join(faceApi, 'dist', 'face-api.node.js'));
const netsOfFaceApi = {
  expression: [new api.FaceExpressionNet(), 'face_expression_model', 112],
  age_appearance: [new api.AgeGenderNet(), 'age_gender_model', 112],
  identity: [new api.FaceRecognitionNet(), 'face_recognition_model', 150],
};
for (const [name, [net, file, size]] of Object.entries(netsOfFaceApi)) {
  const manifest = JSON.parse(fs.readFileSync(path.join(faceApi, 'model', `${file}-weights_manifest.json`)));
  const fetchShards = async (urls) =>
    urls.map((url) => {
      const bytes = fs.readFileSync(path.join(faceApi, 'model', path.basename(url)));
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    });
  await net.loadFromWeightMap(await tf.io.weightsLoaderFactory(fetchShards)(manifest, ''));
  const picture = tf.tensor4d(Float32Array.from(read(name)), [1, size, size, 3]);
  const input = new api.NetInput([picture]);
  const output = await net.forwardInput(input);
  const named = name === 'age_appearance' ? output : { output };
  for (const [key, tensor] of Object.entries(named)) write(name, key, tensor.dataSync());
}
