# %% [markdown]
# # Coins
# scikit-image and pillow: segmentation, measurements, filters in place, an animated picture.

# %%
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import data, filters, measure, morphology, segmentation

camera = data.camera()[::2, ::2]
camera.shape, camera.dtype

# %%
rng = np.random.default_rng(0)
yy, xx = np.mgrid[:160, :200]
coins = np.zeros((160, 200))
centres = [(rng.integers(20, 140), rng.integers(20, 180), rng.integers(8, 16)) for _ in range(12)]
for y, x, radius in centres:
    coins += (np.hypot(yy - y, xx - x) < radius) * rng.uniform(0.5, 1)
coins += rng.normal(0, 0.08, coins.shape)

# %%
threshold = filters.threshold_otsu(coins)
mask = morphology.remove_small_objects(coins > threshold, max_size=20)
mask.mean().round(4)

# %%
distance = ndimage.distance_transform_edt(mask)
labels = measure.label(segmentation.clear_border(mask))
regions = measure.regionprops(labels, intensity_image=coins)
[region.area for region in regions]

# %%
edges = filters.sobel(camera)
corner = camera[:50, :50]
corner[:] = 255 - corner
camera[0, 0], corner[0, 0]

# %%
picture = Image.fromarray((np.clip(coins / coins.max(), 0, 1) * 255).astype("uint8"))
draw = ImageDraw.Draw(picture)
for region in regions:
    top, left, bottom, right = region.bbox
    draw.rectangle([left, top, right - 1, bottom - 1], outline=255)
picture.size, picture.getextrema()

# %%
frames = [picture.rotate(angle).resize((50, 40)) for angle in range(0, 90, 30)]
thumbnail = picture.copy()
thumbnail.thumbnail((64, 64))
thumbnail.size

# %%
def profile(image, row):
    return np.asarray(image)[row].astype(float)

smooth = filters.gaussian(camera, 2, preserve_range=True)
stack = np.stack([camera, edges, smooth])
view = stack[1]
view *= 10

# %% tags=["next"]
corner[1, 1] = 7
camera[1, 1], np.shares_memory(view, stack), stack[1].sum().round(4), regions[0].label

# %% tags=["next"]
draw.point((0, 0), fill=3)
profile(picture, 0)[:3], [frame.getpixel((25, 20)) for frame in frames], regions[-1].mean_intensity.round(5)
