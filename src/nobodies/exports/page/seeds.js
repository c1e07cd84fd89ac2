// Seeds to latent codes, to the bit as nobodies does it: Philox4x32-10 and the normal quantile AS 241.
// Source: Salmon et al., SC 2011; Wichura, Applied Statistics 37 (1988).

const MASK = 0xffffffffn;

function philox(counter, key) {
  let [a, b, c, d] = counter;
  for (let turn = 0n; turn < 10n; turn++) {
    const keyA = (key[0] + turn * 0x9e3779b9n) & MASK;
    const keyB = (key[1] + turn * 0xbb67ae85n) & MASK;
    const left = a * 0xd2511f53n, right = c * 0xcd9e8d57n;
    [a, b, c, d] = [(right >> 32n) ^ b ^ keyA, right & MASK, (left >> 32n) ^ d ^ keyB, left & MASK];
  }
  return [a, b, c, d];
}

const CENTRE = [
  [3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3],
  [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3]];
const MIDDLE = [
  [1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4],
  [1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9]];
const TAIL = [
  [6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7],
  [1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15]];

const polynomial = (terms, x) => terms.reduceRight((total, term) => total * x + term);
const ratio = ([above, below], x) => polynomial(above, x) / polynomial(below, x);

function quantile(p) {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  return Math.sign(q) * (r <= 5 ? ratio(MIDDLE, r - 1.6) : ratio(TAIL, r - 5));
}

/** Draw the latent code of a seed, a BigInt from 0 to 2**64 - 1: Float32Array of `count` normal numbers. */
export function latentCode(seed, count) {
  const key = [seed & MASK, seed >> 32n];
  const z = new Float32Array(count);
  for (let block = 0; 2 * block < count; block++) {
    const words = philox([BigInt(block), 0n, 0n, 0n], key);
    for (let half = 0; half < 2 && 2 * block + half < count; half++) {
      const bits = (words[2 * half + 1] << 20n) | (words[2 * half] >> 12n);
      z[2 * block + half] = quantile(Number(bits * 2n + 1n) * 2 ** -53);
    }
  }
  return z;
}
