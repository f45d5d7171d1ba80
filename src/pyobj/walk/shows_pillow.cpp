// Pillow's images: pixels in memory that only its C struct leads to, which a capsule hands out for
// extensions.
#include <algorithm>
#include <cstring>

#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

// The beginning of ImagingMemoryInstance after its mode, which is 8 bytes of text up to Pillow 11 and a
// number of 4 since.
struct ImageLayout {
  int type, depth, bands, width, height;
  void* palette;
  std::uint8_t** lines_of_8_bits;
  std::int32_t** lines_of_32_bits;
  char** lines;
  char* block;
  void* blocks;
  int pixel_size, line_size;
};
constexpr std::size_t kModeBytes[] = {4, 8};

struct ImageReferenceLayout {  // ImagingDraw and PixelAccess
  PyObject_HEAD PyObject* image;
  int ink;  // PixelAccess: readonly
  int blend;
};

struct Image {
  std::size_t width = 0, height = 0;
  const std::uint8_t* const* lines = nullptr;  // none where there are no pixels
  std::size_t line_size = 0, line_count = 0;
  std::uint32_t mask = ~0u;  // of what counts in a pixel of 32 bits
  bool has_palette = false;
};

const char* struct_of(PyObject* object) {
  const Owned capsule = c_attribute(object, "ptr");
  if (!capsule || !PyCapsule_CheckExact(capsule.get())) return nullptr;
  const char* name = PyCapsule_GetName(capsule.get());
  const std::string_view known = name ? name : "";
  if (known != "Pillow Imaging" && known != "PIL Imaging") return nullptr;
  return static_cast<const char*>(PyCapsule_GetPointer(capsule.get(), name));
}

// A layout is taken for what it is where it agrees with the getters and with itself.
bool agrees(const ImageLayout& image, long width, long height) {
  const bool one_kind = !image.lines_of_8_bits != !image.lines_of_32_bits;
  const void* lines =
      image.lines_of_8_bits ? static_cast<void*>(image.lines_of_8_bits) : image.lines_of_32_bits;
  const bool known_size = image.pixel_size == 1 || image.pixel_size == 2 || image.pixel_size == 4;
  return image.width == width && image.height == height && width > 0 && height > 0 && one_kind &&
         lines == image.lines && known_size && image.line_size == image.width * image.pixel_size &&
         image.bands >= 1 && image.bands <= 4;
}

// In memory a pixel of three bands is R G B -, and one of two L - - A. What is not named there is no part of
// the image, and a pickle does not keep it.
std::uint32_t mask_of(const ImageLayout& image) {
  if (image.pixel_size != 4) return ~0u;
  return image.bands == 3 ? 0x00ffffffu : image.bands == 2 ? 0xff0000ffu : ~0u;
}

bool read_image(PyObject* object, Image& found) {
  const char* at = struct_of(object);
  const Owned size = c_attribute(object, "size");
  if (!at || !size || !PyTuple_CheckExact(size.get()) || PyTuple_GET_SIZE(size.get()) != 2) return false;
  const long width = PyLong_AsLong(PyTuple_GET_ITEM(size.get(), 0));
  const long height = PyLong_AsLong(PyTuple_GET_ITEM(size.get(), 1));
  PyErr_Clear();
  if (width < 0 || height < 0) return false;
  found.width = static_cast<std::size_t>(width);
  found.height = static_cast<std::size_t>(height);
  if (width == 0 || height == 0) return true;
  for (const std::size_t mode_bytes : kModeBytes) {
    ImageLayout image;
    // The numbers follow the mode closely, the pointers are aligned.
    constexpr std::size_t kNumbers = offsetof(ImageLayout, palette);
    constexpr std::size_t kFiveInts = 5 * sizeof(int);
    std::memcpy(&image, at + mode_bytes, kFiveInts);
    const std::size_t pointers = (mode_bytes + kFiveInts + 7) / 8 * 8;
    std::memcpy(reinterpret_cast<char*>(&image) + kNumbers, at + pointers, sizeof image - kNumbers);
    if (!agrees(image, width, height)) continue;
    found.lines = reinterpret_cast<std::uint8_t**>(image.lines);
    found.line_size = static_cast<std::size_t>(image.line_size);
    found.line_count = found.height;
    found.mask = mask_of(image);
    found.has_palette = image.palette != nullptr;
    return std::find(found.lines, found.lines + height, nullptr) == found.lines + height;
  }
  return false;
}

// Four bytes to an entry, whatever of them the palette's mode counts.
bool show_palette(PyObject* object, Parts& parts) {
  const Owned modes = Owned::steal(Py_BuildValue("(ss)", "RGBA", "RGBA"));
  const Owned none = Owned::steal(PyTuple_New(0));
  if (!modes || !none) return false;
  const Owned mode = c_call(object, "getpalettemode", none.get());
  const Owned entries = c_call(object, "getpalette", modes.get());
  if (!mode || !entries || !PyBytes_CheckExact(entries.get())) return false;
  parts.atom(mode.get());
  parts.atom(entries.get());
  return true;
}

void show_line(const std::uint8_t* line, const Image& image, Parts& parts) {
  if (image.mask == ~0u) return parts.bytes(line, image.line_size);
  std::vector<std::uint32_t> masked(image.line_size / sizeof(std::uint32_t));
  std::memcpy(masked.data(), line, image.line_size);
  for (std::uint32_t& pixel : masked) pixel &= image.mask;
  parts.bytes(masked.data(), image.line_size);
}

// Lines that follow one another in memory, a part of a block of Pillow's or of what an image was made over.
void show_run(PyObject* object, const std::uint8_t* begin, std::size_t size, Parts& parts) {
  const auto at = reinterpret_cast<std::uintptr_t>(begin);
  parts.extent({at, at + size, object});
  if (!parts.digests()) parts.bytes(begin, size);
}

bool show_pixels_and_palette(PyObject* object, Parts& parts) {
  Image image;
  if (!read_image(object, image)) return false;
  const Owned mode = c_attribute(object, "mode"), read_only = c_attribute(object, "readonly");
  if (!mode) return false;
  parts.atom(mode.get());
  parts.atom(read_only.get());  // null before Pillow had it
  for (const std::size_t number : {image.width, image.height}) parts.word(number);
  if (image.has_palette && !show_palette(object, parts)) return false;
  for (std::size_t first = 0, next = 0; first < image.line_count; first = next) {
    for (next = first; next < image.line_count; ++next) {
      if (image.lines[next] != image.lines[first] + (next - first) * image.line_size) break;
      if (parts.digests()) show_line(image.lines[next], image, parts);
    }
    show_run(object, image.lines[first], (next - first) * image.line_size, parts);
  }
  parts.size(image.line_count * image.line_size);
  return true;
}

bool is_image(PyObject* object) {
  const Reading* reading = object ? find_reading(Py_TYPE(object)) : nullptr;
  return reading && reading->show == show_image;
}

}  // namespace

void show_image(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  if (!show_pixels_and_palette(object, parts)) parts.opaque();
}

void show_image_reference(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  const auto* reference = reinterpret_cast<const ImageReferenceLayout*>(object);
  if (!is_image(reference->image)) return parts.opaque();
  parts.child(reference->image);
}

}  // namespace elastic::pyobj::walk
