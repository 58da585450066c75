"""The Gallery tab: what the network predicts for test images, and how sure it is of one."""

import re

import pytest
from playwright.sync_api import Locator, expect

from core.data import synthetic
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

IMAGES, CHOSEN = "Test images", "Chosen image"
SHARES = (
    "shots => shots.map(shot => Number(shot.querySelector('.conf').style.getPropertyValue('--p')))"
)
PIXELS = """shots => shots.map(shot => {
    const canvas = shot.querySelector('canvas');
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({length: data.length / 4}, (_, place) => data[4 * place]);
})"""
"""The red of each pixel of each image: in grey, its value."""


def open_gallery(dashboard: DashboardPage, count: int = 20) -> None:
    dashboard.open_tab("Gallery")
    dashboard.field("Images").select_option(str(count))
    dashboard.field("Colours").select_option("Grey")
    dashboard.pick("Random")
    dashboard.pick("All")


def titles(dashboard: DashboardPage) -> Locator:
    return dashboard.image_titles(IMAGES)


def read(title: str) -> tuple[int, int]:
    """The true and the predicted digit of an image."""
    found = re.fullmatch(r"True (\d)\u2002Pred (\d)", title)
    assert found is not None, title
    return int(found[1]), int(found[2])


def pixels(dashboard: DashboardPage) -> list[list[int]]:
    found: list[list[int]] = dashboard.images(IMAGES).evaluate_all(PIXELS)
    return found


def colour_at(canvas: Locator, row: int, column: int) -> list[int]:
    script = "(canvas, at) => [...canvas.getContext('2d').getImageData(...at, 1, 1).data]"
    found: list[int] = canvas.evaluate(script, [column, row])
    return found


def ink_of(canvas: Locator) -> str:
    """The colour of the most opaque pixel, as the browser writes it."""
    red, green, blue = canvas.evaluate(
        """canvas => {
            const {data} = canvas.getContext('2d').getImageData(0, 0, 28, 28);
            const places = [...Array(data.length / 4).keys()];
            const most = places.reduce((a, b) => (data[4 * b + 3] > data[4 * a + 3] ? b : a));
            return [...data.slice(4 * most, 4 * most + 3)];
        }"""
    )
    return f"rgb({red}, {green}, {blue})"


def chosen_index(dashboard: DashboardPage) -> int:
    heading = dashboard.region(CHOSEN).get_by_role("heading")
    expect(heading).to_have_text(re.compile(r"^Test image \d+$"))
    return int(heading.inner_text().split()[-1])


def test_each_image_has_its_true_and_its_predicted_digit(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    expect(titles(dashboard)).to_have_count(20)
    right = 0
    for number, text in enumerate(titles(dashboard).all_text_contents()):
        true, predicted = read(text)
        misread = re.compile(r" sure, misread$" if true != predicted else r" sure$")
        expect(dashboard.images(IMAGES).nth(number)).to_have_accessible_name(misread)
        right += true == predicted
    expect(dashboard.caption("Gallery")).to_have_text(f"{right} of 20 right after 3 epochs")


def test_the_images_are_what_the_network_gets_in_a_choice_of_colours(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    images, _ = synthetic.generate(TEST_IMAGES, 2)
    buttons = dashboard.images(IMAGES)
    large = dashboard.region(CHOSEN).locator("canvas")
    for number in (0, 13):
        buttons.nth(number).click()
        wanted = images[chosen_index(dashboard)]
        assert pixels(dashboard)[number] == wanted.ravel().tolist()
    row, column = divmod(int(wanted.argmax()), 28)
    most = int(wanted.max())
    assert colour_at(large, row, column) == [most, most, most, 255]

    # The value of a pixel appears below the mouse.
    for picture in (buttons.nth(13).locator("canvas"), large):
        box = picture.bounding_box()
        assert box is not None
        cell = box["width"] / 28
        dashboard.page.mouse.move(box["x"] + (column + 0.5) * cell, box["y"] + (row + 0.5) * cell)
        value = dashboard.page.locator("#pixel-value")
        expect(value).to_have_text(f"row {row}, column {column}: {most}")
        expect(value).to_be_visible()
        dashboard.page.mouse.move(2, 2)
        expect(value).to_be_hidden()

    tile = buttons.nth(13).locator("canvas")
    dashboard.field("Colours").select_option("Viridis")
    dashboard.until(lambda: colour_at(tile, 0, 0) == [68, 1, 84, 255])  # 0 is dark violet
    assert colour_at(large, 0, 0) == [68, 1, 84, 255]
    dashboard.field("Colours").select_option("As ink")
    dashboard.until(lambda: colour_at(tile, 0, 0)[3] == 0)
    assert colour_at(large, 0, 0) == [0, 0, 0, 255]  # as the network gets it
    tile.hover()
    expect(value).to_be_hidden()  # ink is for people
    right = dashboard.region(IMAGES).locator(".shot:not(.wrong) canvas").first
    for button in (None, "Light or dark"):
        if button:
            dashboard.button(button).click()
        ink = dashboard.theme_color("ink")
        dashboard.until(lambda ink=ink: ink_of(right) == ink)


def test_a_click_on_any_of_few_or_many_images_shows_how_sure_the_network_is_and_shuffle_gets_others(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    chosen = dashboard.region(CHOSEN)
    for count in (5, 50, 100, 10):
        dashboard.field("Images").select_option(str(count))
        expect(titles(dashboard)).to_have_count(count)
        for number in (0, count - 1) if count in (5, 100) else ():
            dashboard.images(IMAGES).nth(number).click()
            true, predicted = read(titles(dashboard).nth(number).inner_text())
            expect(chosen).to_contain_text(f"A {true}, read as {predicted}")
            expect(chosen.get_by_role("listitem")).to_have_count(10)
            shares = dashboard.percentages(chosen)
            assert sum(shares) == pytest.approx(100, abs=0.6)
            assert shares.index(max(shares)) == predicted
            dashboard.expect_best_digit(chosen, predicted)
            index = str(chosen_index(dashboard))
            look = chosen.get_by_role("button", name="Look inside")
            expect(look).to_have_attribute("data-look-inside", index)
    before = pixels(dashboard)
    dashboard.button("Shuffle").click()
    dashboard.until(lambda: pixels(dashboard) != before)
    expect(titles(dashboard)).to_have_count(10)


def test_only_wrong_ones_or_least_sure_or_of_one_digit(
    dashboard: DashboardPage, untaught_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(untaught_run)
    dashboard.pick("Only wrong")
    expect(dashboard.caption("Gallery")).to_have_text("0 of 20 right after 1 epoch")
    dashboard.until(
        lambda: all(a != b for a, b in map(read, titles(dashboard).all_text_contents()))
    )
    dashboard.pick("Least sure")
    shares = dashboard.images(IMAGES)
    dashboard.until(lambda: max(shares.evaluate_all(SHARES)) < 0.2)
    expect(dashboard.button("Shuffle")).to_be_disabled()
    dashboard.pick("Random")
    dashboard.pick("4")
    dashboard.until(lambda: {read(one)[0] for one in titles(dashboard).all_text_contents()} == {4})
    expect(dashboard.caption("Gallery")).to_contain_text("of 20 right")


def test_the_keyboard_moves_through_the_images(dashboard: DashboardPage, mlp_run: str) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    images = dashboard.images(IMAGES)
    expect(images).to_have_count(20)
    across = int(
        images.evaluate_all("all => all.filter(one => one.offsetTop === all[0].offsetTop).length")
    )
    assert 4 < across < 20
    images.first.focus()
    for key, number in (("ArrowRight", 1), ("ArrowDown", across + 1), ("End", 19), ("Home", 0)):
        dashboard.page.keyboard.press(key)
        expect(images.nth(number)).to_be_focused()
        assert images.evaluate_all("all => all.map(one => one.tabIndex)").count(0) == 1
    dashboard.page.keyboard.press("ArrowDown")
    dashboard.page.keyboard.press("Enter")
    expect(images.nth(across)).to_have_attribute("aria-pressed", "true")
    for button, number in (("Next image", across + 1), ("Previous image", across)):
        dashboard.region(CHOSEN).get_by_role("button", name=button).click()
        expect(images.nth(number)).to_have_attribute("aria-pressed", "true")


def test_the_gallery_works_while_the_network_learns_though_answers_come_late(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_gallery(dashboard)
    server.start_endless_run()  # its weights change several times a second
    caption = dashboard.caption("Gallery")
    for late, number in ((0, 3), (600, 7)):
        with dashboard.slow_answers(late):
            expect(dashboard.status("State")).to_have_text("Training")
            expect(caption).to_have_text(re.compile(r"of 20 right after"))
            first = caption.inner_text()
            expect(caption).not_to_have_text(first)  # newer weights came
            expect(titles(dashboard)).to_have_count(20)
            image = dashboard.images(IMAGES).nth(number)
            image.click()
            expect(dashboard.region(CHOSEN)).to_contain_text("Test image")
            expect(image).to_have_attribute("aria-pressed", "true")
            expect(dashboard.status("State")).to_have_text("Training")


def test_a_chosen_image_stays_chosen_though_the_slider_moves_before_the_answer(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    dashboard.pick("Only wrong")
    dashboard.wait_until_quiet()
    held = dashboard.hold_back("gallery-shown")
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: held)
    dashboard.images(IMAGES).last.click()
    index, true = chosen_index(dashboard), read(titles(dashboard).last.inner_text())[0]
    dashboard.release(held[0])
    dashboard.stop_holding()
    chosen = dashboard.region(CHOSEN)
    for epoch in ("0", "3"):  # it may be right then, and no longer in the grid
        dashboard.epoch_slider.fill(epoch)
        expect(dashboard.caption("Gallery")).to_contain_text(
            "3 epochs" if epoch == "3" else "before"
        )
        assert chosen_index(dashboard) == index
        expect(chosen).to_contain_text(f"A {true}, read as")


def test_previous_of_an_image_that_is_not_in_the_grid_is_the_last_one(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    dashboard.images(IMAGES).first.click()
    dashboard.pick(str((read(titles(dashboard).first.inner_text())[0] + 1) % 10))
    expect(
        dashboard.images(IMAGES).and_(dashboard.page.get_by_role("button", pressed=True))
    ).to_have_count(0)
    dashboard.button("Previous image").click()
    expect(dashboard.images(IMAGES).last).to_have_attribute("aria-pressed", "true")


def test_new_weights_read_the_same_images_anew(
    dashboard: DashboardPage, server: AppServer, untaught_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(untaught_run)
    expect(titles(dashboard)).to_have_count(20)
    images, before = pixels(dashboard), titles(dashboard).all_text_contents()
    dashboard.show_newest_run()
    server.train()
    expect(dashboard.caption("Gallery")).to_contain_text("after 3 epochs")
    dashboard.until(lambda: titles(dashboard).all_text_contents() != before)
    assert pixels(dashboard) == images
