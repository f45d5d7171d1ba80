# %% [markdown]
# # Letters of the world
# Normal forms, encodings, tries, edit distance, translation tables, dates in words, templates.

# %%
import base64
import difflib
import hashlib
import string
import struct
import textwrap
import unicodedata
import zlib

words = ["café", "cafe\u0301", "naïve", "straße", "Ωμέγα", "日本語", "👩‍🚀 rocket"]
normal = [unicodedata.normalize("NFC", word) for word in words]
normal[0] == normal[1]

# %%
codecs = "utf-8", "utf-16-le", "latin-1"
encoded = {name: [word.encode(name, "replace") for word in words] for name in codecs}
{name: sum(map(len, each)) for name, each in encoded.items()}

# %%
class Trie:
    __slots__ = ("children", "end")

    def __init__(self):
        self.children, self.end = {}, False

    def add(self, word):
        node = self
        for letter in word:
            node = node.children.setdefault(letter, Trie())
        node.end = True
        return self

    def __iter__(self):
        if self.end:
            yield ""
        for letter, child in self.children.items():
            for rest in child:
                yield letter + rest

trie = Trie()
for word in ("tea", "ten", "to", "inn"):
    trie.add(word)
list(trie)

# %%
branch = trie.children["t"]
branch.add("op")
"top" in set(trie)

# %%
def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]

distance("kitten", "sitting"), difflib.get_close_matches("strasse", normal)

# %%
letter = string.Template("Dear $name,\n$body")
filled = letter.substitute(name=words[2], body=textwrap.fill("long " * 20, 30))
filled.count("\n")

# %%
blob = bytearray(zlib.compress(filled.encode()))
window = memoryview(blob)[2:6]
header = struct.unpack_from("<2B", blob)
checks = hashlib.sha256(blob).hexdigest()[:8], base64.b85encode(bytes(window))
header

# %%
table = str.maketrans({"ß": "ss", "é": "e", "ï": None})
table[ord("a")] = "A"
[word.translate(table) for word in normal[:4]]

# %% tags=["next"]
window[0] ^= 255
blob[2] == window[0], branch is trie.children["t"], list(branch), len(encoded["utf-8"])

# %% tags=["next"]
trie.add("teapot")
"apot" in list(branch.children["e"]), "straße".translate(table), distance(*normal[:2])
