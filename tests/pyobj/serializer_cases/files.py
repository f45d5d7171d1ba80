"""File objects that are closed come back closed; what is at their path by then is not touched."""
from . import case

case("closed_files_of_every_mode", """
import os
def outcome(f, use):
    try: return repr(getattr(f, use)())
    except Exception as error: return type(error), str(error)
def facts(f):
    layers = [f]
    for name in ('buffer', 'raw'):
        if hasattr(layers[-1], name): layers.append(getattr(layers[-1], name))
    told = ('name', 'mode', 'encoding', 'errors', 'line_buffering', 'write_through', 'newlines', 'closefd')
    uses = ('read', 'fileno', 'readable', 'writable', 'seekable', 'tell', 'flush', '__enter__', 'close')
    return [(type(layer), layer.closed, [getattr(layer, name, None) for name in told], vars(layer),
             [outcome(layer, use) for use in uses]) for layer in layers]
def contents():
    return {name: open('modes/' + name, 'rb').read() for name in os.listdir('modes')}
os.mkdir('modes')
open('modes/there', 'wb').write(b'one\\r\\ntwo\\n')
files = []
for mode in ('r', 'r+', 'w', 'w+', 'a', 'a+', 'x', 'x+'):
    for options in ({'encoding': 'utf-16', 'errors': 'replace'}, {'buffering': 1}, {'newline': ''}, -1, 0):
        path = f'modes/{mode}{len(files)}' if mode[0] in 'xw' else 'modes/there'
        binary = isinstance(options, int)
        f = open(path, mode + 'b', buffering=options) if binary else open(path, mode, **options)
        if mode[0] == 'r' and not binary and 'encoding' not in options: f.read()
        f.close()
        files.append(f)
        if mode[0] in 'xw': os.remove(path)
expected = [facts(f) for f in files]
before = contents()
""", """
assert [facts(f) for f in files] == expected
assert len(files) == 40 and any(getattr(f, 'newlines', None) == ('\\n', '\\r\\n') for f in files)
for f in files:
    try: f.read()
    except ValueError: pass
    else: assert False, f
assert not os.path.exists('modes') or contents() == before
""")
for order in (("f", "buffer", "raw", "again", "x"), ("x", "raw", "again", "buffer", "f")):
    case(f"closed_files_share_their_layers_from_{order[0]}", """
with open('shared', 'w+') as f: f.write('x')
f.note = [f]
f.buffer.raw.note = {'text': f}
buffer, raw, again = f.buffer, f.buffer.raw, f
x = {'handles': [f, f]}
""", """
assert f is again and f.buffer is buffer and buffer.raw is raw and f.note[0] is raw.note['text'] is f
assert x['handles'][0] is x['handles'][1] is f
assert f.closed and buffer.closed and raw.closed and raw.name == 'shared' and f.mode == 'w+'
""", linked=[order])
case("closed_files_named_otherwise", """
import os, pathlib, tempfile
a = open(pathlib.Path('p'), 'w')
b = open(b'p', 'rb')
descriptor = os.open('p', os.O_RDONLY)
c = open(descriptor, closefd=False)
d = tempfile.TemporaryFile()
for f in (a, b, c, d): f.close()
os.close(descriptor)
names = [f.name for f in (a, b, c, d)]
""", """
assert [f.name for f in (a, b, c, d)] == names and all(f.closed for f in (a, b, c, d))
assert not c.buffer.raw.closefd and a.buffer.raw.closefd and d.raw.mode == 'rb+'
""")
case("closed_files_leave_no_descriptors", """
import os
many = [open(os.devnull, 'rb', buffering=0) for _ in range(3)] + [open(os.devnull) for _ in range(3)]
fd = os.open(os.devnull, os.O_RDONLY)
many.append(open(fd, closefd=False))
for f in many: f.close()
os.close(fd)
""", """
import os
assert len(many) == 7
targets = []
for fd in os.listdir('/proc/self/fd'):
    try: targets.append(os.readlink(f'/proc/self/fd/{fd}'))
    except FileNotFoundError: pass
assert not any('closed-file' in target for target in targets), targets
""")
