"""The download against a web server of our own on the loopback interface."""

import hashlib
import io
import stat
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from movielens.archive import unpack
from movielens.fetch import CHECKSUMS, fetch
from movielens.records import DatasetError

FILES = {
    "ml-100k/u.data": b"1\t1\t5\t880000000\n",
    "ml-100k/u.item": b"1|Film|",
    "ml-100k/u.user": b"1|24|M|other|98101\n",
}


class Server(ThreadingHTTPServer):
    """Serves `pages` by path, counts requests, and breaks off the first `broken` answers half-way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.broken = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/movielens/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.removeprefix("/movielens/")
        self.server.requests[name] += 1
        content = self.server.pages.get(name)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.broken > 0:
            self.server.broken -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_data_set_is_downloaded_once_and_only_its_folder_remains(server: Server, tmp_path: Path) -> None:
    archive = server.pages["ml-100k.zip"] = zipped(FILES)
    folder = fetch("ml-100k", tmp_path / "data", server.url, md5(archive))
    assert folder == tmp_path / "data" / "ml-100k"
    assert (folder / "u.data").read_bytes() == FILES["ml-100k/u.data"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["ml-100k"]

    assert fetch("ml-100k", tmp_path / "data", server.url, md5(archive)) == folder
    assert server.requests == Counter({"ml-100k.zip": 1})


@pytest.mark.parametrize("published", ["MD5 (ml-latest-small.zip) = {}\n", "{}  ml-latest-small.zip\n"])
def test_the_checksum_next_to_the_archive_counts_where_it_changes_over_the_years(
    server: Server, tmp_path: Path, published: str
) -> None:
    header = b"userId,movieId,rating,timestamp\n"
    archive = zipped(
        {"ml-latest-small/ratings.csv": header, "ml-latest-small/movies.csv": b"movieId,title,genres\n"}
    )
    server.pages["ml-latest-small.zip"] = archive
    server.pages["ml-latest-small.zip.md5"] = published.format(md5(archive)).encode()
    assert (fetch("ml-latest-small", tmp_path, server.url) / "ratings.csv").read_bytes() == header

    server.pages["ml-latest-small.zip.md5"] = b"<html>moved</html>"
    with pytest.raises(DatasetError, match=r"ml-latest-small.zip.md5 does not hold an MD5 sum"):
        fetch("ml-latest-small", tmp_path / "elsewhere", server.url)


def test_another_file_than_the_published_one_is_refused_and_removed(server: Server, tmp_path: Path) -> None:
    server.pages["ml-100k.zip"] = zipped(FILES)
    with pytest.raises(DatasetError, match=rf"checksum .*{CHECKSUMS['ml-100k']}.* removed"):
        fetch("ml-100k", tmp_path, server.url, attempts=1)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_starts_again(server: Server, tmp_path: Path) -> None:
    archive = server.pages["ml-100k.zip"] = zipped(FILES)
    server.broken = 1
    with pytest.raises(DatasetError, match=r"ml-100k\.zip .*(was cut short|broke off)"):
        fetch("ml-100k", tmp_path, server.url, md5(archive), attempts=1)
    assert list(tmp_path.iterdir()) == []

    server.broken = 1
    assert (fetch("ml-100k", tmp_path, server.url, md5(archive), attempts=2) / "u.item").exists()


def test_an_archive_that_is_already_there_is_used_if_it_is_the_right_one(
    server: Server, tmp_path: Path
) -> None:
    archive = zipped(FILES)
    (tmp_path / "ml-100k.zip").write_bytes(archive)
    assert (fetch("ml-100k", tmp_path, server.url, md5(archive)) / "u.user").exists()
    assert not server.requests


def test_offline_the_message_names_the_two_other_ways_and_the_sample(server: Server, tmp_path: Path) -> None:
    url = server.url
    server.server_close()
    with pytest.raises(DatasetError) as caught:
        fetch("ml-25m", tmp_path, url, attempts=1)
    message = str(caught.value)
    assert "cannot download" in message
    assert "--data-dir DIR" in message
    assert "MOVIELENS_DIR" in message
    assert "sample" in message
    assert "\n" not in message


def test_an_error_of_the_server_is_in_the_message(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="the server answered 404 Not Found"):
        fetch("ml-1m", tmp_path, server.url, attempts=1)


def test_a_name_that_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no data set 'ml-10k': choose one of ml-100k, ml-1m, .*ml-32m"):
        fetch("ml-10k", tmp_path)


def test_a_folder_that_is_there_but_not_whole_is_neither_used_nor_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ml-100k").mkdir()
    (tmp_path / "ml-100k" / "u.data").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"would also need u.item, u.user; or remove .*ml-100k"):
        fetch("ml-100k", tmp_path)


def test_an_archive_of_something_else_leaves_no_folder(server: Server, tmp_path: Path) -> None:
    archive = server.pages["ml-100k.zip"] = zipped({"ml-100k/README": b"moved"})
    with pytest.raises(DatasetError, match="does not hold a MovieLens data set"):
        fetch("ml-100k", tmp_path, server.url, md5(archive))
    assert not (tmp_path / "ml-100k").exists()


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil", "\\\\host\\evil"]
)
def test_a_member_that_leads_out_of_the_folder_stops_all_unpacking(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(zipped({"good": b"1", name: b"2"}))
    with pytest.raises(DatasetError, match="leads out of the folder"):
        unpack(archive, tmp_path / "deep" / "inside")
    assert [path.name for path in tmp_path.rglob("*")] == ["archive.zip"]


def test_a_link_in_an_archive_stops_all_unpacking(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("ml-100k/u.data")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DatasetError, match="symbolic link"):
        unpack(tmp_path / "archive.zip", tmp_path / "inside")
    assert not (tmp_path / "inside").exists()


def test_half_an_archive_is_no_archive(tmp_path: Path) -> None:
    content = zipped(FILES)
    (tmp_path / "archive.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetError, match="not a whole zip file"):
        unpack(tmp_path / "archive.zip", tmp_path / "inside")
