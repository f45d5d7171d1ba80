# %% [markdown]
# # Words
# Counting, regular expressions, tf-idf and topics over the licence and docs that Python itself carries.

# %%
import re
import string
from collections import Counter, defaultdict
import this
import textwrap

zen = "".join(this.d.get(letter, letter) for letter in this.s)
lines = zen.splitlines()
lines[0]

# %%
import os
licence = str(license)
words = re.compile(r"[a-z]+(?:'[a-z]+)?", re.I)
tokens = [word.lower() for word in words.findall(zen)]
counts = Counter(tokens)
counts.most_common(3)

# %%
def ngrams(items, n):
    """Runs of n items, one after the other."""
    yield from zip(*(items[start:] for start in range(n)))

pairs = Counter(ngrams(tokens, 2))
following = defaultdict(Counter)
for first, second in pairs.elements():
    following[first][second] += 1
following["is"].most_common(1)

# %%
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

documents = [line for line in lines if line]
vectorizer = TfidfVectorizer(stop_words="english", min_df=1)
tfidf = vectorizer.fit_transform(documents)
tfidf.shape

# %%
topics = NMF(3, random_state=0, max_iter=300, init="nndsvda").fit(tfidf)
names = vectorizer.get_feature_names_out()
top = [[names[i] for i in row.argsort()[::-1][:3]] for row in topics.components_]
top

# %%
import random

walk = random.Random(8)

def babble(start, length=8):
    sentence = [start]
    while len(sentence) < length and following[sentence[-1]]:
        options = following[sentence[-1]]
        sentence.append(walk.choices(list(options), options.values())[0])
    return " ".join(sentence)

babble("beautiful")

# %%
table = str.maketrans("", "", string.punctuation)
shout = zen.translate(table).upper()
wrapped = textwrap.wrap(shout, 50)
len(wrapped)

# %%
index = {}
for number, line in enumerate(documents):
    for word in sorted(set(words.findall(line.lower()))):
        index.setdefault(word, set()).add(number)
sorted(index["better"])[:4]

# %%
similar = (tfidf @ tfidf.T).toarray()
best = divmod((similar - 2 * (similar > 0.999)).argmax(), len(documents))
documents[best[0]][:20]

# %% tags=["next"]
babble("explicit"), following["never"].total(), counts["better"]

# %% tags=["next"]
vectorizer.transform(["simple is better"]).nnz, topics.transform(tfidf[:1]).round(5), next(ngrams("abc", 2))
