"""Pillow's images: none is opaque, each way of changing one is seen, and a pickle brings the same back."""

import ctypes
import pickle

import numpy as np
import pytest
from test_walk_of_libraries import check_no_change, check_seen, content_of
from walk_values import core_walk

Image = pytest.importorskip("PIL.Image")
ImageChops = pytest.importorskip("PIL.ImageChops")
ImageDraw = pytest.importorskip("PIL.ImageDraw")
ImageOps = pytest.importorskip("PIL.ImageOps")

MODES = "1 L P I;16 I F RGB RGBA RGBX CMYK YCbCr LAB HSV LA PA La".split()


def picture(mode, size=(31, 17)):
    """One in which pixels differ."""
    image = Image.new("RGB", size)
    image.putdata([(i % 251, i * 7 % 256, i * 13 % 256) for i in range(size[0] * size[1])])
    if mode == "LAB":
        return Image.frombytes("LAB", size, image.tobytes())
    through = {"La": "LA", "PA": "RGBA", "LA": "RGBA", "I;16": "I"}.get(mode, "RGB")
    return image.convert(through).convert(mode)


def pixel_through_c(image):
    """As an extension would write, that got the struct from the capsule."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    at = get(image.im.ptr, b"Pillow Imaging")
    lines = ctypes.c_void_p.from_address(at + 48).value
    last = ctypes.c_void_p.from_address(lines + 8 * (image.height - 1)).value
    ctypes.c_uint8.from_address(last).value ^= 1


DRAWS = {
    "putpixel": lambda v: v.putpixel((30, 16), v.getpixel((0, 1))),
    "pixel access": lambda v: v.load().__setitem__((0, 0), v.getpixel((5, 5))),
    "paste": lambda v: v.paste(v.crop((3, 3, 6, 6)), (0, 0)),
    "putdata": lambda v: v.putdata([v.getpixel((9, 9))] * 3),
    "frombytes": lambda v: v.frombytes(bytes(len(v.tobytes()))),
    "thumbnail": lambda v: v.thumbnail((8, 8)),
    "of C": pixel_through_c,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", DRAWS)
def test_a_change_of_pixels_is_seen(mode, name):
    if (name, mode) in (("putpixel", "1"), ("thumbnail", "I;16")):
        pytest.skip("these two pixels are the same, or Pillow does not do that")
    check_seen(picture(mode), DRAWS[name])
    check_seen({"images": [picture(mode)]}, lambda v: DRAWS[name](v["images"][0]))


@pytest.mark.parametrize("mode", MODES)
def test_an_image_comes_back_as_it_was_and_using_it_is_no_change(mode):
    image = picture(mode)
    again = pickle.loads(pickle.dumps(image))
    again.load()  # hands its palette to the core
    assert content_of(image.im) == content_of(again.im)
    assert content_of(image.im) == content_of(image.copy().im)
    check_no_change(image, lambda v: (v.tobytes(), v.getpixel((0, 0)), np.asarray(v), v.resize((4, 4)),
                                      v.size, v.histogram(), v == image, v.getextrema()))


DRAWN = {
    "line": lambda d: d.line((0, 0, 30, 16), fill="red"),
    "rectangle": lambda d: d.rectangle((0, 0, 5, 5), outline="white"),
    "ellipse": lambda d: d.ellipse((0, 0, 9, 9), fill="blue"),
    "polygon": lambda d: d.polygon([(0, 0), (9, 0), (0, 9)], fill="green"),
    "point": lambda d: d.point((3, 3), fill="red"),
    "text": lambda d: d.text((0, 0), "a", fill="white"),
    "core": lambda d: d.draw.draw_points([(4, 4)], 255),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_seen_in_the_image_and_in_what_draws(name):
    image = picture("RGB")
    check_seen(image, lambda v: DRAWN[name](ImageDraw.Draw(v)))
    draw = ImageDraw.Draw(image)
    check_seen([draw.draw], lambda _: image.paste("black", (0, 0, 9, 9)))
    image = picture("RGB")
    draw = ImageDraw.Draw(image)
    check_seen(image, lambda _: DRAWN[name](draw))


def with_orientation():
    image = picture("RGB")
    image.getexif()[0x0112] = 6
    return image


def over_array():
    array = np.arange(64, dtype=np.uint8).reshape(8, 8)
    return [Image.frombuffer("L", (8, 8), array, "raw", "L", 0, 1), array]


def over_bytes():
    data = bytearray(range(64))
    return [Image.frombuffer("L", (8, 8), data, "raw", "L", 0, 1), data]


OTHERS = {
    "palette": (lambda: picture("P"), lambda v: v.putpalette([1, 2, 3] * 256)),
    "palette of the core": (lambda: picture("P").im, lambda v: v.putpalette("RGB", "RGB", bytes(768))),
    "alpha of the palette": (lambda: picture("P").im, lambda v: v.putpalettealpha(3, 0)),
    "palette remapped": (lambda: picture("P"), lambda v: setattr(v.palette, "palette", bytes(768))),
    "putalpha": (lambda: picture("RGBA"), lambda v: v.putalpha(7)),
    "mode": (lambda: picture("RGB"), lambda v: v.putalpha(7)),
    "band": (lambda: picture("RGB").im, lambda v: v.putband(picture("L").im, 1)),
    "filled band": (lambda: picture("RGB").im, lambda v: v.fillband(2, 9)),
    "info": (lambda: picture("RGB"), lambda v: v.info.update(dpi=(1, 1))),
    "in place": (with_orientation, lambda v: ImageOps.exif_transpose(v, in_place=True)),
    "memory of an array": (over_array, lambda v: v[1].__setitem__((3, 3), 99)),
    "memory of a bytearray": (over_bytes, lambda v: v[1].__setitem__(30, 99)),
    "last of many blocks": (lambda: Image.new("RGB", (4000, 3000)), lambda v: v.putpixel((3999, 2999), 1)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_is_seen(name):
    make, change = OTHERS[name]
    check_seen(make(), change)


@pytest.mark.parametrize("make", [over_array, over_bytes])
def test_an_image_over_the_memory_of_another_is_linked_with_it(make):
    image, memory = make()
    names = {"image": image, "memory": memory, "other": picture("L")}
    walk = core_walk().Walk(names)
    walk.walk()
    assert sorted(map(sorted, walk.co_variables())) == [["image", "memory"], ["other"]]
    assert not walk.stands_apart("image") and not walk.stands_apart("other")


def test_what_draws_and_what_accesses_pixels_is_linked_with_the_image():
    image = picture("RGB")
    names = {"image": image, "draw": ImageDraw.Draw(image).draw, "pixels": image.load()}
    names["other"] = image.copy()
    walk = core_walk().Walk(names)
    walk.walk()
    assert sorted(map(sorted, walk.co_variables())) == [["draw", "image", "pixels"], ["other"]]
    assert not walk.stands_apart("pixels") and not walk.stands_apart("draw")
    walk.walk()
    before = walk.state("image")["content"]
    names["pixels"][0, 0] = (9, 9, 9)
    assert walk.recheck() == dict.fromkeys(names, "maybe_changed") | {"other": "unchanged"}
    walk.walk()
    assert walk.state("image")["content"] != before


def test_an_image_without_pixels_and_one_of_many_blocks_are_read():
    assert content_of(Image.new("RGB", (0, 5))) != content_of(Image.new("RGB", (5, 0)))
    large = Image.new("RGBA", (3000, 3000), "red")  # blocks of 16 MB
    assert content_of(large.im) == content_of(Image.new("RGBA", (3000, 3000), "red").im)
    assert content_of(picture("RGB", (17, 31)).im) != content_of(picture("RGB").im)


def test_what_is_in_memory_beside_the_bands_is_no_part_of_an_image():
    image = picture("RGB")
    other = picture("RGB").convert("RGBA").convert("RGB")
    data = image.tobytes()
    filled = Image.frombytes("RGB", image.size, data)
    assert content_of(image.im) == content_of(other.im) == content_of(filled.im)


class ImagingCore:
    """Of that name, and no image."""

    def __init__(self):
        self.ptr = self.size = None


def test_a_class_of_that_name_is_no_image():
    check_seen(ImagingCore(), lambda v: setattr(v, "ptr", 1))
