"""Download a real data set, once, for recipes that name it: python -m torch_impl.fetch shakespeare

shakespeare: 1.1 million characters of 65 kinds, 1 MB. mnist: all 70,000 digits, 12 MB. cifar10: 60,000 small
photographs, 170 MB. fineweb_edu: web pages in GPT-2's tokens, two bytes each, as many as --tokens says; it needs
pip install datasets tiktoken. Each becomes the folder data/NAME, beneath the one you are in. Nothing else in the course
needs a network.
"""

import argparse
import gzip
import hashlib
import io
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from reference_impl import progress
from torch_impl import data

FOLDER = Path("data")
SHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/"
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# {file: (address, its MD5 or SHA-256)}
FILES = {
    "shakespeare": (
        SHAKESPEARE + "tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "train images": (MNIST + "train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train labels": (MNIST + "train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
    "test images": (MNIST + "t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
    "test labels": (MNIST + "t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    "cifar10": ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
}


def downloaded(name):
    """A file's bytes, with a bar. Raises OSError without a network, and ValueError where it is not the file it was."""
    address, digest = FILES[name]
    parts, done = [], 0
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            total = int(answer.headers.get("Content-Length", 0)) or 1
            show = progress.bar(total)
            while part := answer.read(1 << 16):
                parts.append(part)
                done += len(part)
                show(min(done, total), name)
    except (urllib.error.URLError, TimeoutError) as problem:
        raise OSError(f"{address} cannot be reached: {getattr(problem, 'reason', problem)}") from None
    content = b"".join(parts)
    if hashlib.new("sha256" if len(digest) == 64 else "md5", content).hexdigest() != digest:
        raise ValueError(f"{address} is not the file it was: its checksum is another")
    return content


def shakespeare(folder):
    """Nine tenths to learn from, the last tenth to be judged by."""
    text = downloaded("shakespeare").decode()
    cut = len(text) * 9 // 10
    data.write_tokens(folder, *data.by_letter((text[:cut], text[cut:])))


def idx(content):
    """An array in MNIST's own format: two zeros, the kind, the number of axes, their sizes, the numbers."""
    content = gzip.decompress(content)
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def mnist(folder):
    """60,000 digits to learn from, 10,000 to be judged by."""
    parts = [idx(downloaded(f"{part} {kind}")) for kind in ("images", "labels") for part in ("train", "test")]
    data.write_examples(folder, np.concatenate(parts[:2])[..., None], np.concatenate(parts[2:]), len(parts[0]))


def cifar10(folder):
    """50,000 photographs to learn from, 10,000 to be judged by."""
    with tarfile.open(fileobj=io.BytesIO(downloaded("cifar10"))) as archive:
        names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
        parts = [archive.extractfile(f"cifar-10-batches-bin/{name}.bin").read() for name in names]
    rows = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    data.write_examples(folder, images, rows[:, 0], len(rows) * 5 // 6)


def fineweb_edu(folder, n_tokens=100_000_000):
    """Pages one after another, each ended by GPT-2's end of text; the first hundredth is what is judged by."""
    import datasets
    import tiktoken

    pages = datasets.load_dataset("HuggingFaceFW/fineweb-edu", "sample-10BT", split="train", streaming=True)
    bpe, show, parts, done = tiktoken.get_encoding("gpt2"), progress.bar(n_tokens), [], 0
    for page in pages:
        parts.append(np.array([*bpe.encode_ordinary(page["text"]), bpe.eot_token], np.uint16))
        done += len(parts[-1])
        show(min(done, n_tokens), "tokens")
        if done >= n_tokens:
            break
    ids = np.concatenate(parts)[:n_tokens]
    cut = len(ids) // 100
    data.write_tokens(folder, {"tiktoken": "gpt2", "size": bpe.n_vocab}, ids[cut:], ids[:cut])


SETS = {f.__name__: f for f in (shakespeare, mnist, cifar10, fineweb_edu)}


def main(words=None):
    parser = argparse.ArgumentParser(
        prog="python -m torch_impl.fetch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.error = lambda message: parser.exit(2, f"fetch: {message}\n")
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--tokens", type=int, metavar="N", default=100_000_000, help="of fineweb_edu (100 million)")
    chosen = parser.parse_args(words)
    if chosen.tokens < 1:
        parser.error(f"--tokens must be 1 or more, not {chosen.tokens}")
    folder = FOLDER / chosen.name
    if folder.exists():
        sys.exit(f"fetch: {folder} is there already")
    try:
        SETS[chosen.name](folder, *([chosen.tokens] if chosen.name == "fineweb_edu" else []))
    except ModuleNotFoundError as problem:
        sys.exit(f"fetch: {chosen.name} needs {problem.name}: pip install datasets tiktoken")
    except (OSError, ValueError) as problem:
        sys.exit(f"fetch: {problem}")
    except KeyboardInterrupt:
        sys.exit("fetch: stopped; nothing is kept")
    print(f"{chosen.name} is in {folder}: a recipe takes it as data={folder}")


if __name__ == "__main__":
    main()
