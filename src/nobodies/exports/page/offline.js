// Keeps all files of the page for offline use, and adds the headers that threads in WebAssembly want.

async function keep() {
  const about = await (await fetch("about.json", { cache: "no-store" })).json();
  const cache = await caches.open(about.version);
  await cache.addAll([...about.files, "about.json"]);
  for (const name of await caches.keys()) if (name !== about.version) await caches.delete(name);
}

function isolated(response) {
  if (!response || response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

async function answer(request) {
  const kept = await caches.match(request, { ignoreSearch: true });
  return isolated(kept || await fetch(request));
}

self.addEventListener("install", (event) => { self.skipWaiting(); event.waitUntil(keep()); });
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => { if (event.request.method === "GET") event.respondWith(answer(event.request)); });
