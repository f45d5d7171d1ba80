# %% [markdown]
# # Contact sheets
# Pillow images drawn, filtered and put together; bytes in memory instead of files.

# %%
import io
import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

def rosette(size, petals, colour):
    """A flower on a dark ground."""
    image = Image.new("RGB", (size, size), "#101018")
    draw = ImageDraw.Draw(image)
    points = []
    for step in range(360):
        angle = math.radians(step)
        radius = size * 0.45 * abs(math.sin(petals * angle / 2))
        points.append((size / 2 + radius * math.cos(angle), size / 2 + radius * math.sin(angle)))
    draw.polygon(points, fill=colour)
    return image

flowers = [rosette(96, petals, colour) for petals, colour in ((3, "crimson"), (5, "gold"), (8, "teal"))]
[image.size for image in flowers]

# %%
blurred = [image.filter(ImageFilter.GaussianBlur(2)) for image in flowers]
edges = flowers[0].convert("L").filter(ImageFilter.FIND_EDGES)
difference = ImageChops.difference(flowers[0], blurred[0])
difference.getbbox()

# %%
encoded = {}
for kind, options in (("PNG", {}), ("JPEG", {"quality": 60})):
    buffer = io.BytesIO()
    flowers[1].save(buffer, kind, **options)
    encoded[kind] = buffer.getvalue()
{kind: len(data) > 200 for kind, data in encoded.items()}

# %%
decoded = Image.open(io.BytesIO(encoded["JPEG"]))
decoded.load()
error = np.abs(np.asarray(decoded, dtype=float) - np.asarray(flowers[1], dtype=float)).mean()
decoded.format, round(float(error), 2) < 20

# %%
sheet = Image.new("RGB", (3 * 96, 2 * 96))
for column, (sharp, soft) in enumerate(zip(flowers, blurred)):
    sheet.paste(sharp, (column * 96, 0))
    sheet.paste(soft, (column * 96, 96))
histogram = np.array(sheet.convert("L").histogram())
int(histogram.sum()), int(histogram.argmax())

# %%
palette = sheet.quantize(8)
mask = ImageOps.autocontrast(edges)
pixels = np.asarray(mask)
pixels.shape, int((pixels > 128).sum())

# %%
draw = ImageDraw.Draw(sheet)
draw.rectangle((0, 0, 95, 95), outline="white", width=3)
sheet.getpixel((1, 1))

# %% tags=["next"]
draw.line((0, 0, 287, 191), fill="red", width=2)
sheet.getpixel((144, 96)), palette.mode, len(palette.getcolors())

# %% tags=["next"]
sheet.crop((0, 0, 96, 96)).getpixel((2, 2)), mask.tobytes() == pixels.tobytes(), draw.im is sheet.im
