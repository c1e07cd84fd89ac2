import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from nobodies.generator import Generator
from nobodies.imaging import xmp_of
from nobodies.provenance import is_marked, recipe_of
from nobodies.web.pictures import circled
from tests.conftest import NumpyEngine, tiny_model
from tests.web.conftest import Open, SlowEngine, wait_until


def _image(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def test_a_permanent_picture_is_the_one_of_the_library(client: TestClient) -> None:
    answer = client.get("/face/42.png?psi=0.5")
    assert answer.status_code == 200
    expected = Generator(tiny_model(), NumpyEngine()).face(42, psi=0.5)
    assert np.array_equal(np.asarray(_image(answer.content)), expected.pixels)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("ending", ["jpeg", "jpg", "png", "webp", "avif"])
def test_every_format_is_marked_as_generated(client: TestClient, ending: str) -> None:
    answer = client.get(f"/face/7.{ending}?size=16")
    image = _image(answer.content)
    assert image.size == (16, 16)
    assert answer.headers["content-type"] == f"image/{'jpeg' if ending == 'jpg' else ending}"
    xmp = xmp_of(image)
    assert xmp
    assert is_marked(xmp)
    recipe = recipe_of(xmp)
    assert recipe
    assert recipe["seed"] == 7


def test_who_has_a_picture_gets_304_and_nothing_is_drawn(client: TestClient, engine: SlowEngine) -> None:
    first = client.get("/face/42.jpeg")
    drawn = engine.num_drawn
    for offered in (first.headers["etag"], f'"x", {first.headers["etag"]}', "*"):
        again = client.get("/face/42.jpeg", headers={"If-None-Match": offered})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/face/42.jpeg", headers={"If-None-Match": '"x"'}).status_code == 200
    assert client.get("/face/42.jpeg?size=16").headers["etag"] != first.headers["etag"]
    assert client.get("/face/42.jpeg?psi=0.70").headers["etag"] == first.headers["etag"]
    assert engine.num_drawn == drawn


def test_a_known_address_is_answered_the_same_way_again(client: TestClient) -> None:
    for address in ("/face/42.webp?size=16&download=true", "/face/7.jpeg", "/face/7.jpeg?psi=0.70"):
        first, again = client.get(address), client.get(address)
        assert again.content == first.content
        assert again.headers == first.headers
        assert client.get(address, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        assert client.head(address).headers == first.headers
    assert 'route="/face/{seed}.{ending}",status="304"} 3.0' in client.get("/metrics").text


def test_a_known_address_whose_picture_is_gone_is_drawn_again(open_site: Open) -> None:
    client = open_site(cache_mb=0)
    first, again = (np.asarray(_image(client.get("/face/42.png").content)) for _ in range(2))
    assert np.array_equal(first, again)


def test_head_says_the_same_without_a_body(client: TestClient) -> None:
    got, head = client.get("/face/42.jpeg"), client.head("/face/42.jpeg")
    assert head.status_code == 200
    assert head.headers["content-length"] == str(len(got.content))


def test_a_new_face_is_new_and_tells_its_address(client: TestClient) -> None:
    answers = [client.get("/face.jpeg") for _ in range(12)]
    addresses = {answer.headers["content-location"] for answer in answers}
    assert len(addresses) == 12
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    answer = answers[0]
    assert client.get(answer.headers["content-location"]).content == answer.content


def test_a_ready_face_is_not_drawn_again(open_site: Open, engine: SlowEngine) -> None:
    client = open_site(pool_faces=3)
    wait_until(lambda: "nobodies_pool_faces 3.0" in client.get("/metrics").text)
    engine.may_draw.clear()  # from here on, nothing can be drawn
    seen = [client.get("/face.jpeg") for _ in range(3)]
    assert [answer.status_code for answer in seen] == [200] * 3
    permanent = [client.get(answer.headers["content-location"]) for answer in seen]
    assert [answer.content for answer in permanent] == [answer.content for answer in seen]
    engine.may_draw.set()


def test_a_text_has_one_face_for_ever(client: TestClient) -> None:
    first, again = client.get("/face.png?u=alice"), client.get("/face.png?u=%20alice%20")
    assert first.content == again.content
    assert np.array_equal(
        np.asarray(_image(first.content)), Generator(tiny_model(), NumpyEngine()).face("alice").pixels
    )
    assert first.headers["etag"]
    assert client.get("/face.png?u=bob").content != first.content
    assert client.get("/face.png?u=%20").status_code == 422


def test_equal_requests_are_drawn_once(open_site: Open, engine: SlowEngine) -> None:
    client = open_site(pool_faces=0)
    engine.may_draw.clear()
    drawn = engine.num_drawn
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(client.get, "/face/5.jpeg") for _ in range(8)]
        threading.Event().wait(0.2)
        engine.may_draw.set()
        assert len({answer.result().content for answer in answers}) == 1
    assert engine.num_drawn == drawn + 1


def test_sizes_of_one_face_are_drawn_once(open_site: Open, engine: SlowEngine) -> None:
    client = open_site(pool_faces=0)
    drawn = engine.num_drawn
    for query in ("", "?size=16", "?size=20&quality=50", "?size=24"):
        assert client.get(f"/face/5.jpeg{query}").status_code == 200
    assert engine.num_drawn == drawn + 1


def test_the_disk_cache_outlives_the_server(open_site: Open, engine: SlowEngine, tmp_path: Path) -> None:
    options = {"pool_faces": 0, "disk_cache": tmp_path / "pictures"}
    first = open_site(**options).get("/face/5.jpeg").content
    second = open_site(**options)
    drawn = engine.num_drawn
    assert second.get("/face/5.jpeg").content == first
    assert engine.num_drawn == drawn


def test_a_download_has_a_name(client: TestClient) -> None:
    answer = client.get("/face/42.webp?size=16&download=true")
    assert answer.headers["content-disposition"] == 'attachment; filename="nobody-42-16.webp"'
    assert "content-disposition" not in client.get("/face/42.webp?size=16").headers


def test_circles_and_cut_outs_are_transparent_outside(client: TestClient) -> None:
    circle = np.asarray(_image(client.get("/face/1.png?shape=circle").content))
    assert circle.shape == (32, 32, 4)
    assert (circle[0, 0, 3], circle[16, 16, 3]) == (0, 255)
    cut = np.asarray(_image(client.get("/face/1.webp?background=transparent&size=16").content))
    assert (cut[8, 2, 3], cut[8, 13, 3]) == (0, 255)
    both = np.asarray(_image(client.get("/face/1.png?background=transparent&shape=circle").content))
    assert (both[0, 31, 3], both[16, 2, 3], both[16, 24, 3]) == (0, 0, 255)


def test_a_circle_covers_as_much_as_a_circle_does() -> None:
    alpha = np.asarray(circled(Image.new("RGB", (200, 200))).getchannel("A"), float)
    assert alpha.mean() / 255 == pytest.approx(np.pi / 4, abs=0.002)


def test_mixing_goes_from_one_face_to_the_other(client: TestClient) -> None:
    def pixels(address: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(_image(client.get(address).content))

    assert np.array_equal(pixels("/face/1.png?mix=2&amount=0"), pixels("/face/1.png"))
    assert np.abs(pixels("/face/1.png?mix=2&amount=1").astype(int) - pixels("/face/2.png")).max() <= 1
    half = pixels("/face/1.png?mix=2")
    assert not np.array_equal(half, pixels("/face/1.png"))
    assert not np.array_equal(half, pixels("/face/1.png?mix=2&layers=coarse"))


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("/face/1.jpeg?size=64", "up to 32 px"),
        ("/face/1.jpeg?size=15", "greater than or equal to 16"),
        ("/face/1.jpeg?psi=9", "less than or equal to 1.5"),
        ("/face/1.jpeg?psi=nan", "finite"),
        ("/face/1.jpeg?sizes=32", "sizes is not known here"),
        ("/face/1.jpeg?shape=circle", "png, webp or avif"),
        ("/face/1.png?quality=50", "lossless"),
        ("/face/1.jpeg?edit=age:10", "no attribute model"),
        ("/face/1.jpeg?mix=2&noise=seeded", "leave out mix"),
        ("/face/18446744073709551616.jpeg", "out of range"),
        ("/face/1.bmp", "'jpeg', 'jpg', 'png', 'webp' or 'avif'"),
        ("/face.jpeg?u=", "at least 1 character"),
        (f"/face.jpeg?u={'x' * 513}", "at most 512"),
    ],
)
def test_what_cannot_be_made_is_said_in_a_line(client: TestClient, address: str, hint: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["type"] == "/api#invalid"
    assert hint in problem["detail"]
    assert "\n" not in problem["detail"]
