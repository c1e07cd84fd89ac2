"""The pages as a visitor uses them, in a real browser."""

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from nobodies.generator import Generator
from nobodies.inspection import inspect_pixels
from nobodies.settings import WebSettings
from nobodies.web.app import create_app
from nobodies.web.attributes import FaceAttributes
from nobodies.web.features import Features
from tests.conftest import NumpyEngine, tiny_model
from tests.tiny_attributes import tiny_attributes
from tests.web.conftest import cut_out_half, find_one, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--auto-select-desktop-capture-source=Entire screen",
)  # fmt: skip
PAGES = ("/", "/choose", "/face/42?psi=0.5&mix=7", "/download?face=42", "/detect", "/check", "/how", "/api", "/none")
REFUSED = re.compile(r"responded with a status of (404|422|503)")  # what the browser itself says of meant refusals
PHONE = {"width": 390, "height": 844}
FACES = Path(__file__).parents[1] / "data"
DESKTOP = {"width": 1280, "height": 800}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    photos = tmp_path_factory.mktemp("photos")
    Image.linear_gradient("L").convert("RGB").save(photos / "photo.jpg")
    settings = WebSettings(real_photos=photos, batch_limit=20, pool_faces=8)
    generator = Generator(tiny_model(), NumpyEngine())
    generator.__dict__["attributes"] = tiny_attributes()  # where it keeps them once they are read
    features = Features(FaceAttributes(generator), find_one, cut_out_half, inspect=inspect_pixels)
    with running(create_app(settings, load=lambda: (generator, features))) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Open a page as a new visitor. After the test: no error was on the console, and no other site was asked."""
    faults: list[str] = []
    contexts = []

    def open_page(path: str, *, language: str = "en", scheme: str = "light", phone: bool = False) -> Page:
        context = browser.new_context(
            locale=language,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            has_touch=phone,
            permissions=["clipboard-read", "clipboard-write", "camera"],
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url) if _is_foreign(request.url, address) else None)
        page.goto(address + path)
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not REFUSED.search(fault)] == []


def _is_foreign(url: str, address: str) -> bool:
    return urlsplit(url).scheme in ("http", "https", "ws") and urlsplit(url).netloc != urlsplit(address).netloc


def _seed(page: Page) -> str:
    return page.locator("#home").get_attribute("data-seed") or ""


def _changed(page: Page, read: Callable[[], object], before: object) -> None:
    for _ in range(200):
        if read() != before:
            return
        page.wait_for_timeout(25)
    raise AssertionError("nothing changed")


@pytest.mark.parametrize(("language", "scheme", "phone"), [("en", "light", False), ("fr", "dark", True)])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible_and_fit(visit: Visit, path: str, language: str, scheme: str, phone: bool) -> None:
    page = visit(path, language=language, scheme=scheme, phone=phone)
    findings = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in findings] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("html").get_attribute("lang") == language


def test_another_face_and_back_by_mouse_and_keyboard(visit: Visit) -> None:
    page = visit("/")
    seen = [_seed(page)]
    expect(page.locator("#back")).to_be_hidden()
    presses: tuple[Callable[[], None], ...] = (
        lambda: page.get_by_role("link", name="Another").click(),
        lambda: page.keyboard.press("ArrowRight"),
        lambda: page.locator("body").press(" "),
    )
    for press in presses:
        page.evaluate("document.activeElement.blur()")
        press()
        _changed(page, lambda: _seed(page), seen[-1])
        seen.append(_seed(page))
    assert len(set(seen)) == 4
    assert page.locator("#change").get_attribute("href") == f"/face/{seen[-1]}"
    page.keyboard.press("ArrowLeft")
    _changed(page, lambda: _seed(page), seen[-1])
    page.locator("#back").click()
    _changed(page, lambda: _seed(page), seen[-2])
    assert _seed(page) == seen[1]
    page.locator("#back").click()
    _changed(page, lambda: _seed(page), seen[1])
    expect(page.locator("#back")).to_be_hidden()
    page.locator("#copy").click()
    assert page.evaluate("navigator.clipboard.readText()").endswith(f"/face/{seen[0]}")


def test_the_space_bar_on_a_button_presses_the_button(visit: Visit) -> None:
    page = visit("/")
    before = _seed(page)
    page.locator("#copy").focus()
    page.keyboard.press(" ")
    expect(page.locator("#status")).to_have_text("Address copied")
    assert _seed(page) == before


def test_the_next_face_is_there_before_it_is_asked_for(visit: Visit) -> None:
    page = visit("/")
    before = _seed(page)
    page.route("**/api/v1/faces*", lambda route: None)  # from here on, nothing is answered any more
    page.keyboard.press("ArrowRight")
    _changed(page, lambda: _seed(page), before)
    assert page.locator("#face").evaluate("image => image.complete && image.naturalWidth > 0")


def test_swiping(visit: Visit) -> None:
    page = visit("/", phone=True)
    before = _seed(page)
    box = page.locator("#face").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 300, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, middle, steps=5)
    page.mouse.up()
    _changed(page, lambda: _seed(page), before)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, middle, steps=5)
    page.mouse.up()
    _changed(page, lambda: _seed(page) == before, False)


def test_home_works_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    before = page.locator("#face").get_attribute("src")
    page.get_by_role("link", name="Another").click()
    assert page.locator("#face").get_attribute("src") != before
    context.close()


def test_the_wall_grows_and_leads_to_the_studio(visit: Visit) -> None:
    page = visit("/choose")
    tiles = page.locator("#wall li")
    before = tiles.count()
    page.mouse.wheel(0, 5000)
    _changed(page, lambda: tiles.count() > before, False)
    addresses = tiles.locator("a").evaluate_all("links => links.map((link) => link.href)")
    assert len(set(addresses)) == len(addresses)
    tiles.first.click()
    page.wait_for_url("**/face/*")
    expect(page.get_by_role("heading", name="Change this face")).to_be_visible()


def test_wishes_are_found_and_attributes_changed(visit: Visit) -> None:
    page = visit("/choose")
    page.locator("[name=age_from]").fill("30")
    page.locator("[name=woman]").select_option("woman")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#found")).to_contain_text("faces found in")
    page.locator("#wall li a").first.click()
    page.wait_for_url("**/face/*")
    page.wait_for_load_state("networkidle")
    before = _shown(page)
    page.locator("#edit-age").focus()
    page.keyboard.press("ArrowRight")
    _changed(page, lambda: _shown(page), before)
    assert "edit=age%3A1" in page.url
    expect(page.locator("#edit-age-value")).to_have_text("+1")


def test_a_balanced_wall_grows_balanced(visit: Visit) -> None:
    page = visit("/choose")
    page.get_by_label("All ages, women and men").check()
    with page.expect_response(lambda answer: "balanced=true" in answer.url) as asked:
        page.get_by_role("button", name="Find").click()
    assert asked.value.ok
    expect(page.locator("#found")).to_contain_text("faces found in")
    assert page.locator("#wall li").count() > 0


def test_impossible_wishes_are_explained(visit: Visit) -> None:
    page = visit("/choose")
    page.locator("[name=age_from]").fill("60")
    page.locator("[name=age_to]").fill("40")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#found")).to_contain_text("runs backwards")


def _shown(page: Page) -> str:
    return str(page.locator("#face").evaluate("image => image.currentSrc"))


def _slide(page: Page, name: str, value: float) -> None:
    slider = page.locator(f"#{name}")
    slider.evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true }));"
        " slider.dispatchEvent(new Event('change', { bubbles: true })); }",
        value,
    )


def test_sliders_change_picture_and_address_and_can_be_undone(visit: Visit, address: str) -> None:
    page = visit("/face/42")
    first = _shown(page)
    page.locator("#psi").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    _changed(page, lambda: _shown(page), first)
    assert page.url == f"{address}/face/42?psi=0.6"
    _slide(page, "amount", 0.5)
    _changed(page, lambda: "mix=" in page.url, False)
    page.locator("#layers").select_option("coarse")
    assert "layers=coarse" in page.url
    kept = page.url
    page.reload()
    assert page.locator("#psi").input_value() == "0.6"
    assert page.locator("#amount").input_value() == "0.5"
    assert page.locator("#layers").input_value() == "coarse"
    page.wait_for_load_state("networkidle")
    _slide(page, "psi", 0)
    assert "psi=0&" in page.url
    page.locator("#undo").click()
    assert page.url == kept
    page.locator("#reset").click()
    assert page.url == f"{address}/face/42"
    page.keyboard.press("Control+z")
    assert page.url == kept
    with page.expect_download() as download:
        page.locator("#save").click()
    with Image.open(download.value.path()) as image:
        assert image.size == (32, 32)


def test_someone_else_can_be_mixed_in_and_the_morph_plays(visit: Visit) -> None:
    page = visit("/face/42")
    other = page.locator("#mix").input_value()
    page.get_by_role("button", name="Someone else").click()
    _changed(page, lambda: page.locator("#mix").input_value(), other)
    _changed(page, lambda: "amount=0.5" in page.url, False)
    page.get_by_role("button", name="Play the morph").click()
    frames: set[str] = set()

    def moving() -> bool:
        frames.add(_shown(page))
        return len(frames) > 4

    _changed(page, moving, False)
    stop = page.get_by_role("button", name="Stop")
    assert stop.get_attribute("aria-pressed") == "true"
    stop.click()
    expect(page.get_by_role("button", name="Play the morph")).to_have_attribute("aria-pressed", "false")


def test_downloads_have_the_form_that_was_chosen(visit: Visit) -> None:
    page = visit("/download?face=42")
    page.get_by_role("radio", name="WebP").check()
    page.locator("#size").evaluate("(select) => select.add(new Option('24 px', '24'))")
    page.locator("#size").select_option("24")
    page.get_by_role("radio", name="Circle").check()
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "nobody-42-24.webp"
    with Image.open(download.value.path()) as image:
        assert (image.size, image.mode) == ((24, 24), "RGBA")
    page.get_by_role("radio", name="JPEG").click()
    expect(page.locator("#shape-help")).to_be_visible()
    assert page.locator("input[name=format]:checked").input_value() == "png"
    page.get_by_role("radio", name="Cut out").check()
    with page.expect_download() as download:
        page.locator("#save").click()
    with Image.open(download.value.path()) as image:
        assert image.getchannel("A").getpixel((2, 12)) == 0


def test_several_come_as_an_archive(visit: Visit) -> None:
    page = visit("/download?face=42")
    page.get_by_role("radio", name="PNG").check()
    page.locator("#count").fill("5")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        names = archive.namelist()
        assert len(names) == 6
        assert Image.open(io.BytesIO(archive.read(names[0]))).format == "PNG"
    expect(page.locator("#status")).to_have_text("Saved 5 faces")


def test_faces_are_found_in_a_picture(visit: Visit, tmp_path: Path) -> None:
    page = visit("/detect", language="fr")
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "some.png")
    page.locator("#file").set_input_files(tmp_path / "some.png")
    expect(page.locator("#found")).to_have_text("1 visage trouvé")
    assert page.locator("#view").evaluate("canvas => [canvas.width, canvas.height]") == [256, 256]
    # The box is drawn where the detector for tests says: a quarter in from each side.
    assert page.locator("#view").evaluate("c => [...c.getContext('2d').getImageData(64, 100, 1, 1).data]")[1] > 180


def test_what_is_no_picture_is_said(visit: Visit, tmp_path: Path) -> None:
    page = visit("/check")
    (tmp_path / "some.jpg").write_bytes(b"no picture")
    with page.expect_response("**/api/v1/check"):
        page.locator("#file").set_input_files(tmp_path / "some.jpg")
    expect(page.locator("#status")).to_contain_text("not a picture")


@pytest.mark.parametrize("button", ["Camera", "Window or screen"])
def test_faces_are_followed_live_until_stopped(visit: Visit, button: str) -> None:
    page = visit("/detect")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#found")).to_contain_text("1 face found · ")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    assert page.locator("#video").evaluate("video => video.srcObject") is None


RECORD_AND_DROP = """async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [160, 120];
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.start();
  for (let step = 0; step < 20; step++) {
    pen.fillStyle = `rgb(${step * 12} 80 90)`;
    pen.fillRect(0, 0, 160, 120);
    await new Promise((done) => setTimeout(done, 40));
  }
  recorder.stop();
  await new Promise((done) => (recorder.onstop = done));
  const dropped = new DataTransfer();
  dropped.items.add(new File(parts, "video.webm", { type: "video/webm" }));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true }));
}"""


def test_a_dropped_video_is_watched(visit: Visit) -> None:
    page = visit("/detect")
    page.evaluate(RECORD_AND_DROP)
    expect(page.locator("#found")).to_contain_text("1 face found · ")
    assert page.locator("#view").evaluate("canvas => canvas.width") == 160


def test_a_picture_made_here_is_recognised_and_another_is_not(visit: Visit, tmp_path: Path) -> None:
    page = visit("/check")
    made = page.request.get(page.url.replace("/check", "/face/42.jpeg"))
    (tmp_path / "made.jpg").write_bytes(made.body())
    page.locator("#file").set_input_files(tmp_path / "made.jpg")
    expect(page.locator("#verdict-title")).to_have_text("This person does not exist")
    expect(page.locator("#again")).to_be_visible()
    assert "42" in page.locator("#recipe").inner_text()
    Image.linear_gradient("L").save(tmp_path / "other.png")
    page.locator("#file").set_input_files(tmp_path / "other.png")
    expect(page.locator("#verdict-title")).to_have_text("No mark in this picture")
    expect(page.locator("#again")).to_be_hidden()
    expect(page.locator("#findings dt")).to_have_text(["Marks", "Regular grid", "Crop", "A net’s guess", "Faults"])
    expect(page.locator("#findings")).to_contain_text("The picture is too small to look for a grid.")


def test_what_looks_generated_is_said_in_the_visitors_language(visit: Visit, tmp_path: Path) -> None:
    page = visit("/check", language="fr")
    page.locator("#file").set_input_files(FACES / "face-10.jpg")
    expect(page.locator("#findings dt").nth(2)).to_have_text("Cadrage")
    expect(page.locator("#findings dd").nth(2)).to_contain_text("là où les générateurs de portraits les mettent")
    expect(page.locator("#findings dd").nth(3)).to_contain_text(re.compile(r"\d\s?%"))
    assert "{" not in page.locator("#findings").inner_text()


def test_the_game_counts(visit: Visit) -> None:
    page = visit("/check")
    for total in (1, 2, 3):
        page.get_by_role("button", name="Real").click()
        expect(page.locator("#game-score")).to_contain_text(f"of {total}")
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_role("button", name="Real")).to_be_enabled()


def test_the_language_can_be_switched_where_one_is(visit: Visit) -> None:
    page = visit("/face/42?psi=0.5")
    page.get_by_role("link", name="Français").click()
    page.wait_for_url("**lang=fr*")
    assert "psi=0.5" in page.url
    expect(page.get_by_role("heading", name="Modifier ce visage")).to_be_visible()


def test_the_keyboard_reaches_the_content_first(visit: Visit) -> None:
    page = visit("/how")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_busy_server_is_asked_again(visit: Visit) -> None:
    page = visit("/choose")
    refused: list[int] = []

    def refuse_once(route: object) -> None:
        if refused:
            route.continue_()  # type: ignore[attr-defined]
        else:
            refused.append(1)
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")  # type: ignore[attr-defined]

    page.evaluate("scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")
    before = page.locator("#wall li").count()
    page.route("**/api/v1/faces*", refuse_once)
    page.mouse.wheel(0, 9000)
    expect(page.locator("#status")).to_contain_text("Trying again")
    _changed(page, lambda: page.locator("#wall li").count() > before, False)
