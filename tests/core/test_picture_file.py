import errno
import io
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from motion_core import picture_file
from motion_core.errors import MotionError, ShapeError
from motion_core.picture_file import contact_sheet, picture_bytes, read_mask, read_picture, write_picture
from motion_core.types import Size

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def saved(image, path, **options):
    image.save(path, **options)
    return path


def of_pixels(*rows, mode="RGB"):
    """A Pillow image of these rows of pixels."""
    image = Image.new(mode, (len(rows[0]), len(rows)))
    for y, row in enumerate(rows):
        for x, pixel in enumerate(row):
            image.putpixel((x, y), pixel)
    return image


def colors(picture):
    """Rows of (r, g, b) bytes of a picture [3, H, W]."""
    return [[tuple(pixel) for pixel in row] for row in picture_bytes(picture).tolist()]


def test_a_picture_has_channels_rows_and_columns_in_this_order(tmp_path):
    picture = read_picture(saved(of_pixels([RED, GREEN, BLUE], [BLACK, WHITE, RED]), tmp_path / "p.png"))
    assert picture.shape == (3, 2, 3)
    assert picture.dtype == torch.float32
    assert picture.is_contiguous()
    assert colors(picture) == [[RED, GREEN, BLUE], [BLACK, WHITE, RED]]


# How each EXIF orientation stores a picture that is seen as red above green: the rows of the file.
STORED = {
    1: ([RED], [GREEN]),
    2: ([RED], [GREEN]),
    3: ([GREEN], [RED]),
    4: ([GREEN], [RED]),
    5: ([RED, GREEN],),
    6: ([RED, GREEN],),
    7: ([GREEN, RED],),
    8: ([GREEN, RED],),
}


@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_is_turned_upright_as_its_exif_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(of_pixels(*STORED[orientation]), tmp_path / "p.png", exif=exif)
    assert colors(read_picture(path)) == [[RED], [GREEN]]


def test_transparency_shows_white(tmp_path):
    image = of_pixels([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)], mode="RGBA")
    assert colors(read_picture(saved(image, tmp_path / "p.png"))) == [[RED, WHITE, (127, 127, 127)]]


def test_a_transparent_palette_colour_shows_white(tmp_path):
    image = of_pixels([0, 1], mode="P")
    image.putpalette([*RED, *GREEN])
    assert colors(read_picture(saved(image, tmp_path / "plain.png"))) == [[RED, GREEN]]
    assert colors(read_picture(saved(image, tmp_path / "clear.png", transparency=1))) == [[RED, WHITE]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr", "HSV", "LAB"])
def test_white_is_white_and_black_is_black_in_every_mode(tmp_path, mode):
    source = of_pixels([WHITE, BLACK])
    if mode == "LAB":
        source = ImageCms.profileToProfile(
            source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        source = source.convert(mode)
    suffix = {"CMYK": "tif", "YCbCr": None, "LAB": "tif", "HSV": None}.get(mode, "png")
    picture = (
        picture_file.picture_of(source) if suffix is None else read_picture(saved(source, tmp_path / f"p.{suffix}"))
    )
    torch.testing.assert_close(picture[:, 0], torch.tensor([[1.0, 0.0]] * 3), atol=2 / 255, rtol=0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    image = Image.fromarray(np.array([[0, 256, 32768, 65535]], dtype=np.uint16))
    picture = read_picture(saved(image, tmp_path / f"p.{suffix}"))
    torch.testing.assert_close(picture, torch.tensor([[0, 256, 32768, 65535]]).expand(3, 1, 4) / 65535)


def test_floating_point_pixels_are_taken_as_0_to_1(tmp_path):
    image = Image.fromarray(np.array([[-1.0, 0.25, 7.0, np.nan]], dtype=np.float32))
    assert read_picture(saved(image, tmp_path / "p.tif"))[0, 0].tolist() == [0.0, 0.25, 1.0, 0.0]


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    first, second = Image.new("RGB", (2, 2), RED), Image.new("RGB", (2, 2), BLUE)
    path = saved(first, tmp_path / "p.gif", save_all=True, append_images=[second])
    assert colors(read_picture(path)) == [[RED, RED], [RED, RED]]


def test_a_colour_profile_is_converted_to_srgb(tmp_path):
    swapped = swapped_profile()
    path = saved(of_pixels([RED, WHITE, (128, 128, 128)]), tmp_path / "p.png", icc_profile=swapped)
    (first, white, grey) = colors(read_picture(path))[0]
    assert first[2] > 200  # this profile's red is sRGB's blue
    assert first[0] < 60
    assert white == WHITE
    assert max(grey) - min(grey) <= 2


def swapped_profile():
    """The sRGB profile with its red and blue primaries exchanged, under another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.find(b"rXYZ"), profile.find(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    name = "sRGB".encode("utf-16-be")
    return bytes(profile).replace(name, "Swap".encode("utf-16-be")).replace(b"sRGB built-in", b"Swap built-in")


def test_an_srgb_profile_changes_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = of_pixels([(1, 2, 3), (200, 100, 50)])
    assert colors(read_picture(saved(image, tmp_path / "p.png", icc_profile=profile))) == [[(1, 2, 3), (200, 100, 50)]]


def test_a_broken_profile_is_told_and_left_out(tmp_path, caplog):
    path = saved(of_pixels([RED]), tmp_path / "p.png", icc_profile=b"nonsense")
    assert colors(read_picture(path)) == [[RED]]
    assert "colour profile" in caplog.text


def test_one_pixel_is_a_picture(tmp_path):
    assert colors(read_picture(saved(of_pixels([GREEN]), tmp_path / "p.png"))) == [[GREEN]]


def test_forty_eight_million_pixels_are_a_picture(tmp_path):
    path = saved(Image.new("L", (8000, 6000), 255), tmp_path / "p.png", compress_level=1)
    picture = read_picture(path)
    assert picture.shape == (3, 6000, 8000)
    assert picture[:, 5999, 7999].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 20_000])  # above our limit; and above twice that, where Pillow refuses itself
def test_too_many_pixels_are_refused_before_they_are_unpacked(tmp_path, side):
    path = saved(Image.new("1", (side, side)), tmp_path / "bomb.png", compress_level=1)
    with pytest.raises(MotionError, match="more than 89 million pixels"):
        read_picture(path)


def test_the_limit_holds_where_a_host_has_switched_off_pillows(tmp_path, monkeypatch):
    path = saved(Image.new("1", (10_000, 10_000)), tmp_path / "bomb.png", compress_level=1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(MotionError, match="more than 89 million pixels"):
        read_picture(path)


def test_reading_leaves_pillows_limit_and_the_warning_filters_alone(tmp_path):
    path = saved(of_pixels([RED]), tmp_path / "p.png")
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    read_picture(path)
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_what_is_not_a_picture_is_an_error_in_words(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("This is not a picture.")
    whole = saved(Image.effect_noise((64, 64), 50), tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    for name, words in {
        "none.png": "There is no picture",
        "empty.png": "is not a picture",
        "text.png": "is not a picture",
        "half.png": "broken picture",
        "": "is a folder",
    }.items():
        with pytest.raises(MotionError, match=words):
            read_picture(tmp_path / name)


def test_a_picture_closed_to_us_is_an_error_in_words(tmp_path, monkeypatch):
    def closed(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", closed)  # root may read anything
    with pytest.raises(MotionError, match="no permission to read"):
        read_picture(tmp_path / "p.png")


def encoded(kind):
    file = io.BytesIO()
    Image.effect_noise((24, 16), 80).convert("RGB").save(file, format=kind)
    return file.getvalue()


WHOLE = [encoded(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(
    whole=st.sampled_from(WHOLE),
    end=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_bytes_give_a_picture_or_an_error_in_words(tmp_path, whole, end, changes):
    broken = bytearray(whole[: round(len(whole) * max(end, 0.3))])
    for place, value in changes:
        broken[int(place * len(broken))] = value
    (tmp_path / "p").write_bytes(broken)
    try:
        picture = read_picture(tmp_path / "p")
    except MotionError:
        return
    assert picture.shape[0] == 3
    assert 0 <= picture.min() <= picture.max() <= 1


def test_a_mask_is_painted_where_it_is_white(tmp_path):
    path = saved(of_pixels([BLACK, WHITE, (51, 51, 51)]), tmp_path / "m.png")
    torch.testing.assert_close(read_mask(path, Size(1, 3)), torch.tensor([[0.0, 1.0, 0.2]]))


def test_a_mask_with_varying_alpha_is_painted_where_it_is_opaque(tmp_path):
    image = of_pixels([(0, 0, 0, 255), (255, 255, 255, 0), (9, 9, 9, 51)], mode="RGBA")
    assert read_mask(saved(image, tmp_path / "m.png"), Size(1, 3)).tolist() == [[1.0, 0.0, pytest.approx(0.2)]]


def test_a_mask_that_is_opaque_everywhere_is_painted_where_it_is_white(tmp_path):
    image = of_pixels([(0, 0, 0, 255), (255, 255, 255, 255)], mode="RGBA")
    assert read_mask(saved(image, tmp_path / "m.png"), Size(1, 2)).tolist() == [[0.0, 1.0]]


def test_a_mask_that_is_clear_everywhere_is_not_painted(tmp_path):
    path = saved(Image.new("RGBA", (2, 1), (255, 255, 255, 0)), tmp_path / "m.png")
    assert read_mask(path, Size(1, 2)).tolist() == [[0.0, 0.0]]


def test_a_mask_of_another_size_is_resized_bilinearly(tmp_path):
    path = saved(of_pixels([BLACK, WHITE]), tmp_path / "m.png")
    torch.testing.assert_close(read_mask(path, Size(2, 4)), torch.tensor([[0.0, 0.25, 0.75, 1.0]] * 2))


@pytest.mark.parametrize("level", [0, 255])
def test_an_empty_mask_stays_empty_and_a_full_one_full_in_every_size(tmp_path, level):
    path = saved(Image.new("L", (37, 23), level), tmp_path / "m.png")
    for size in (Size(23, 37), Size(1, 1), Size(80, 11)):
        assert read_mask(path, size).unique().tolist() == [level / 255]


def test_a_written_png_reads_back_the_same(tmp_path):
    picture = torch.arange(24).view(3, 2, 4) / 255
    write_picture(picture, tmp_path / "p.png")
    torch.testing.assert_close(read_picture(tmp_path / "p.png"), picture)


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "webp"])
def test_a_written_photo_reads_back_nearly_the_same(tmp_path, suffix):
    y, x = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 60), indexing="ij")
    picture = torch.stack([x, y, 1 - x])
    write_picture(picture, tmp_path / f"p.{suffix}")
    assert (read_picture(tmp_path / f"p.{suffix}") - picture).abs().mean() < 3 / 255


def test_values_are_rounded_and_clipped_when_written(tmp_path):
    write_picture(torch.tensor([-0.5, 0.4999, 1.5]).view(3, 1, 1), tmp_path / "p.png")
    assert colors(read_picture(tmp_path / "p.png")) == [[(0, 127, 255)]]


def test_half_precision_and_gradients_can_be_written(tmp_path):
    write_picture(torch.ones(3, 1, 1, dtype=torch.float16, requires_grad=True), tmp_path / "p.png")
    assert colors(read_picture(tmp_path / "p.png")) == [[WHITE]]


@pytest.mark.parametrize("shape", [(3, 4), (4, 4, 3), (1, 4, 4), (3, 0, 4), (1, 3, 4, 4)])
def test_what_has_not_the_axes_of_a_picture_is_not_written(tmp_path, shape):
    with pytest.raises(ShapeError, match=r"A picture is \[3, H, W\]"):
        write_picture(torch.zeros(shape), tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_bytes_and_numbers_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(ShapeError, match="floating-point"):
        write_picture(torch.zeros(3, 2, 2, dtype=torch.uint8), tmp_path / "p.png")
    with pytest.raises(MotionError, match="not a finite number"):
        write_picture(torch.full((3, 2, 2), float("nan")), tmp_path / "p.png")


def test_an_unknown_suffix_names_the_choices(tmp_path):
    with pytest.raises(MotionError, match=r"\.png, \.jpg or \.webp"):
        write_picture(torch.zeros(3, 2, 2), tmp_path / "p.bmp")


@pytest.mark.parametrize("suffix", ["webp", "jpg"])
def test_a_picture_too_wide_for_its_format_is_an_error_in_words(tmp_path, suffix):
    with pytest.raises(MotionError, match="could not be written"):
        write_picture(torch.zeros(3, 1, 70_000), tmp_path / f"p.{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_writing_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch):
    write_picture(torch.ones(3, 1, 1), tmp_path / "p.png")

    def interrupted(_image, path, **_options):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_picture(torch.zeros(3, 1, 1), tmp_path / "p.png")
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]
    assert colors(read_picture(tmp_path / "p.png")) == [[WHITE]]


def test_a_contact_sheet_has_rows_with_gaps_between_and_around():
    pictures = torch.stack([torch.full((3, 2, 3), value) for value in (0.1, 0.2, 0.3)])
    sheet = contact_sheet(pictures, columns=2, gap=1)
    assert sheet.shape == (3, 2 * 2 + 3, 2 * 3 + 3)
    g, a, b, c = 1.0, 0.1, 0.2, 0.3
    expected = [
        [g, g, g, g, g, g, g, g, g],
        [g, a, a, a, g, b, b, b, g],
        [g, a, a, a, g, b, b, b, g],
        [g, g, g, g, g, g, g, g, g],
        [g, c, c, c, g, g, g, g, g],
        [g, c, c, c, g, g, g, g, g],
        [g, g, g, g, g, g, g, g, g],
    ]
    torch.testing.assert_close(sheet, torch.tensor(expected).expand(3, -1, -1))


def test_a_contact_sheet_is_no_wider_than_its_pictures():
    assert contact_sheet(torch.zeros(2, 3, 5, 5), columns=9, gap=0).shape == (3, 5, 10)


def test_labels_stand_below_their_pictures():
    pictures = torch.full((2, 3, 30, 60), 0.5)
    plain = contact_sheet(pictures, columns=2, gap=0)
    sheet = contact_sheet(pictures, columns=2, labels=["first", ""], gap=0)
    torch.testing.assert_close(sheet[:, :30], plain)
    assert (sheet[:, 30:, :60] < 0.5).any()
    assert (sheet[:, 30:, 60:] == 1).all()


def test_a_label_wider_than_its_picture_is_shortened():
    pictures = torch.full((2, 3, 30, 60), 0.5)
    sheet = contact_sheet(pictures, columns=2, labels=["a much too long label " * 5, ""], gap=0)
    assert (sheet[:, 30:, 60:] == 1).all()
    assert contact_sheet(torch.zeros(1, 3, 1, 1), columns=1, labels=["long"], gap=0).shape[2] == 1


def test_a_contact_sheet_says_what_it_cannot_do():
    with pytest.raises(ShapeError, match=r"\[N, 3, H, W\]"):
        contact_sheet(torch.zeros(3, 5, 5), columns=1)
    with pytest.raises(ShapeError, match="2 pictures but 1 labels"):
        contact_sheet(torch.zeros(2, 3, 5, 5), columns=1, labels=["one"])
    with pytest.raises(MotionError, match="at least one column"):
        contact_sheet(torch.zeros(2, 3, 5, 5), columns=0)
