"""Encrypted connections, certificates of both sides and tokens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from serving.client import Client, ServingError, Tls
from tests.unit.serving.client.conftest import Connect, Serve


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def folder(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PEM files: who vouches for the server, another authority of the same kind, and the client's own."""
    made = tmp_path_factory.mktemp("certificates")
    authority.cert_pem.write_to_path(made / "ca.pem")
    trustme.CA().cert_pem.write_to_path(made / "other-ca.pem")
    client = authority.issue_cert("client")
    client.cert_chain_pems[0].write_to_path(made / "client.pem")
    client.private_key_pem.write_to_path(made / "client.key")
    return made


@pytest.fixture(scope="module")
def credentials(authority: trustme.CA) -> Callable[[bool], Any]:
    """The server's side, with or without a demand for the client's certificate."""

    def make(mutual: bool) -> Any:
        server = authority.issue_cert("localhost")
        return grpc.ssl_server_credentials(
            [(server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes())],
            authority.cert_pem.bytes() if mutual else None,
            mutual,
        )

    return make


def test_a_trusted_server_answers(
    serve: Serve, connect: Connect, folder: Path, credentials: Callable[[bool], Any]
) -> None:
    scripted = serve(credentials=credentials(False))

    assert connect(scripted.address, tls=Tls(folder / "ca.pem")).recommend("42", k=1).movies
    assert all("authorization" not in each.metadata for each in scripted.received)


@pytest.mark.parametrize("authorities", ["other-ca.pem", None])
def test_a_server_that_nobody_vouches_for_gets_no_request(
    authorities: str | None,
    serve: Serve,
    connect: Connect,
    folder: Path,
    credentials: Callable[[bool], Any],
) -> None:
    scripted = serve(credentials=credentials(False))
    client = connect(scripted.address, tls=Tls(folder / authorities if authorities else None))

    with pytest.raises(ServingError) as failure:
        client.recommend("42")
    assert failure.value.code is grpc.StatusCode.UNAVAILABLE
    assert "TLS" in failure.value.hint
    assert scripted.received == []


def test_mutual_tls(serve: Serve, connect: Connect, folder: Path, credentials: Callable[[bool], Any]) -> None:
    scripted = serve(credentials=credentials(True))
    own = Tls(folder / "ca.pem", folder / "client.pem", folder / "client.key")

    assert connect(scripted.address, tls=own).recommend("42", k=1).movies
    with pytest.raises(ServingError):
        connect(scripted.address, tls=Tls(folder / "ca.pem")).recommend("42")


def test_tokens_travel_with_every_request_and_can_change(
    serve: Serve, connect: Connect, folder: Path, credentials: Callable[[bool], Any]
) -> None:
    scripted = serve(credentials=credentials(False))
    tls = Tls(folder / "ca.pem")
    tokens = iter(["first", "second"])
    client = connect(scripted.address, tls=tls, token=lambda: next(tokens))
    client.recommend("42")
    client.similar("a")
    connect(scripted.address, tls=tls, token="fixed").similar("a")

    sent = [each.metadata["authorization"] for each in scripted.received]
    assert sent == ["Bearer first", "Bearer second", "Bearer fixed"]


def test_a_token_shows_in_no_description_of_the_client() -> None:
    with Client("localhost:1", tls=Tls(), token="secret") as client:
        assert "secret" not in repr(vars(client))


def test_a_certificate_without_its_key_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="private key"):
        Tls(certificate=folder / "client.pem")


def test_a_missing_file_is_named(folder: Path) -> None:
    client = Client("localhost:1", tls=Tls(folder / "nowhere.pem"))

    with client, pytest.raises(FileNotFoundError, match=r"nowhere\.pem"):
        client.recommend("42")
