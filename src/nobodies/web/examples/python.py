import json
from pathlib import Path
from urllib.request import Request, urlopen

BASE = "http://127.0.0.1:8000"

with urlopen(f"{BASE}/api/v1/faces?count=3") as answer:
    faces = json.load(answer)["faces"]

for face in faces:
    with urlopen(BASE + face["picture"] + "?size=256") as answer:
        Path(f"face-{face['seed']}.jpg").write_bytes(answer.read())

order = json.dumps({"count": 2, "format": "webp", "size": 512}).encode()
with urlopen(Request(f"{BASE}/api/v1/batch", order, {"Content-Type": "application/json"})) as answer:
    Path("faces.zip").write_bytes(answer.read())
