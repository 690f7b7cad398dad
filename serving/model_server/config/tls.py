"""TLS for both ports, from the certificates of `--ssl_config_file`."""

import ssl
import tempfile

import grpc

from serving.model_server.config.text_protos import TlsConfig
from serving.model_server.errors import invalid_argument


def grpc_credentials(config: TlsConfig) -> grpc.ServerCredentials:
    """What a gRPC port is opened with."""
    return grpc.ssl_server_credentials(
        [(config.key, config.certificate)],
        root_certificates=config.client_roots,
        require_client_auth=config.verify_clients,
    )


def rest_context(config: TlsConfig) -> ssl.SSLContext:
    """What an HTTPS port is opened with.

    Raises:
      ServingError: the key or a certificate is not PEM, or the two do not match.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Python reads a key from a file only. This one is readable by this user, and gone at once.
        with tempfile.NamedTemporaryFile() as chain:
            chain.write(config.certificate + b"\n" + config.key)
            chain.flush()
            context.load_cert_chain(chain.name)
        if config.verify_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            if config.client_roots:
                context.load_verify_locations(cadata=config.client_roots.decode())
    except (ssl.SSLError, ValueError) as problem:
        raise invalid_argument(f"--ssl_config_file: {problem}") from problem
    return context
