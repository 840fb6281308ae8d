"""Real data sets are downloaded by one command, and their lack is told in one sentence."""

import functools
import gzip
import hashlib
import http.server
import io
import struct
import sys
import tarfile
import threading

import numpy as np
import pytest

from torch_impl import data, fetch


@pytest.fixture
def server(tmp_path, monkeypatch):
    """offer(name, content): let a file be what is downloaded under that name; the course's folder data is empty."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=shelf)
    monkeypatch.setattr(handler.func, "log_message", lambda *_: None)
    server = http.server.ThreadingHTTPServer(("localhost", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(fetch, "FOLDER", tmp_path / "data")

    def offer(name, content, digest=None):
        file = name.replace(" ", "_")
        (shelf / file).write_bytes(content)
        address = f"http://localhost:{server.server_port}/{file}"
        monkeypatch.setitem(fetch.FILES, name, (address, digest or hashlib.md5(content).hexdigest()))

    yield offer
    server.shutdown()
    server.server_close()


def told(*words):
    with pytest.raises(SystemExit) as end:
        fetch.main(list(words))
    return str(end.value.code)


def test_shakespeare_is_cut_into_letters(server, tmp_path, capsys):
    text = "To be, or not to be. " * 30
    server("shakespeare", text.encode())
    fetch.main(["shakespeare"])
    assert "data=" in capsys.readouterr().out
    source = data.load(str(tmp_path / "data/shakespeare"), 8)
    both = [*source.train.tolist(), *source.val.tolist()]
    assert source.decode(both) == text
    assert "is there already" in told("shakespeare")


def test_mnist_is_read_from_its_own_format(server, tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (5, 28, 28), np.uint8), rng.integers(0, 10, 5, np.uint8)
    for part, rows in [("train", slice(0, 3)), ("test", slice(3, 5))]:
        for kind, array in [("images", images[rows]), ("labels", labels[rows])]:
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
            server(f"{part} {kind}", gzip.compress(head + array.tobytes()))
    fetch.main(["mnist"])
    source = data.load(str(tmp_path / "data/mnist"))
    np.testing.assert_allclose(source.x[..., 0], images / 255, rtol=1e-6)
    assert source.targets.tolist() == labels.tolist()
    assert (source.train.tolist(), source.val.tolist()) == ([0, 1, 2], [3, 4])


def test_cifar10_is_read_from_its_archive(server, tmp_path):
    rng, content = np.random.default_rng(0), io.BytesIO()
    images, labels = rng.integers(0, 256, (6, 32, 32, 3), np.uint8), rng.integers(0, 10, 6, np.uint8)
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
            row = bytes([labels[i]]) + images[i].transpose(2, 0, 1).tobytes()
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            info.size = len(row)
            archive.addfile(info, io.BytesIO(row))
    server("cifar10", content.getvalue())
    fetch.main(["cifar10"])
    source = data.load(str(tmp_path / "data/cifar10"))
    np.testing.assert_allclose(source.x, images / 255, rtol=1e-6)
    assert (source.targets.tolist(), len(source.train)) == (labels.tolist(), 5)


def test_another_file_is_not_kept(server, tmp_path):
    server("shakespeare", b"To be, or not", digest="0" * 64)
    assert "is not the file it was" in told("shakespeare")
    assert not (tmp_path / "data").exists()


def test_no_network_is_told_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "FOLDER", tmp_path / "data")
    monkeypatch.setitem(fetch.FILES, "shakespeare", ("http://localhost:1/x", ""))
    assert "http://localhost:1/x cannot be reached" in told("shakespeare")
    assert not (tmp_path / "data").exists()


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "FOLDER", tmp_path / "data")
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install datasets tiktoken" in told("fineweb_edu")


def test_pages_become_gpt2s_tokens(monkeypatch, tmp_path):
    """With stand-ins for both packages: the tokeniser's file would be downloaded."""

    class Bpe:
        eot_token = n_vocab = 256

        def encode_ordinary(self, text):
            return list(text.encode())

        def decode(self, ids):
            return "".join(map(chr, ids))

    def load_dataset(name, part, split, streaming):
        assert (name, part, split, streaming) == ("HuggingFaceFW/fineweb-edu", "sample-10BT", "train", True)
        return ({"text": f"page {i}"} for i in range(10**6))

    monkeypatch.setattr(fetch, "FOLDER", tmp_path / "data")
    fake = type(sys)("datasets")
    fake.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", fake)
    other = type(sys)("tiktoken")
    other.get_encoding = lambda name: Bpe()
    monkeypatch.setitem(sys.modules, "tiktoken", other)
    fetch.main(["fineweb_edu", "--tokens", "2000"])
    source = data.load(str(tmp_path / "data/fineweb_edu"), 8)
    assert (len(source.train), len(source.val)) == (1980, 20)
    assert source.decode(source.val[:6].tolist()) == "page 0"
    assert source.val[6] == 256


def test_a_recipe_that_lacks_its_data_says_how_to_get_it():
    with pytest.raises(ValueError, match=r"python -m torch_impl\.fetch cifar10 downloads it"):
        data.load("data/cifar10")
