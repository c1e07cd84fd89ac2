const base = "http://127.0.0.1:8000";

const answer = await fetch(`${base}/api/v1/faces?count=1`);
if (!answer.ok) throw new Error((await answer.json()).detail);
const [face] = (await answer.json()).faces;

const picture = await fetch(`${base}${face.picture}?size=256`);
const bytes = new Uint8Array(await picture.arrayBuffer());
console.log(`face ${face.seed}: ${bytes.length} bytes of ${picture.headers.get("content-type")}`);
