# %% [markdown]
# # Cleaning a recording
# scipy.signal, spectra, a picture whose axes are drawn on again later, and interpolation.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import fft, interpolate, signal

rate = 1000
t = np.arange(0, 2, 1 / rate)
rng = np.random.default_rng(13)
clean = np.sin(2 * np.pi * 7 * t) + 0.5 * np.sin(2 * np.pi * 40 * t)
noisy = clean + rng.normal(0, 0.4, t.size) + 0.8 * np.sin(2 * np.pi * 50 * t)
round(float(noisy.std()), 3)

# %%
notch = signal.iirnotch(50, 30, fs=rate)
sos = signal.butter(4, [3, 60], "bandpass", fs=rate, output="sos")
without_hum = signal.filtfilt(*notch, noisy)
filtered = signal.sosfiltfilt(sos, without_hum)
round(float(np.corrcoef(filtered, clean)[0, 1]), 3)

# %%
frequencies = fft.rfftfreq(t.size, 1 / rate)
spectra = {name: abs(fft.rfft(values)) for name, values in {"noisy": noisy, "filtered": filtered}.items()}
peaks, found = signal.find_peaks(spectra["filtered"], height=200)
frequencies[peaks].tolist(), found["peak_heights"].round(0).tolist()

# %%
sparse = slice(None, None, 25)
spline = interpolate.CubicSpline(t[sparse], filtered[sparse])
smoother = interpolate.make_interp_spline(t[sparse], filtered[sparse], k=3)
curve = np.array([spline(0.333), smoother(0.333), spline.derivative()(0.333)])
curve.round(3)

# %%
figure, (above, below) = plt.subplots(2, 1, figsize=(6, 4))
above.plot(t[:200], noisy[:200], lw=0.5, label="noisy")
above.plot(t[:200], filtered[:200], label="filtered")
below.semilogy(frequencies[:150], spectra["noisy"][:150])
above.legend()
plt.close(figure)
len(above.lines), [text.get_text() for text in above.get_legend().get_texts()]

# %%
envelope = abs(signal.hilbert(filtered))
below.plot(frequencies[peaks], spectra["filtered"][peaks], "o")
view = filtered[::2]
view *= 2
round(float(envelope.max()), 3), round(float(filtered[:4].sum()), 4), len(below.lines)

# %%
windowed = {name: signal.get_window(name, 64) for name in ("hann", "hamming", "boxcar")}
sections = signal.ShortTimeFFT(windowed["hann"], hop=16, fs=rate)
energy = abs(sections.stft(filtered)) ** 2
energy.shape, int(energy.sum(1).argmax())

# %% tags=["next"]
view.base is filtered, above.figure is figure, below.get_yscale(), round(float(spline(0.5)), 4)

# %% tags=["next"]
view[0] = 9.0
above.set_title("twice")
filtered[0], figure.axes[0].get_title(), [line.get_label() for line in above.lines]
