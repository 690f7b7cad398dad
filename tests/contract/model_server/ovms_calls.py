"""Calls a server with ovmsclient, in a process of its own: its messages have the names of TensorFlow's.

Takes the two addresses and a version, and prints what it got as a JSON object for each protocol.
"""

import json
import sys

import numpy as np
import ovmsclient


def main(grpc_address: str, rest_address: str, version: str) -> None:
    clients = {
        "grpc": ovmsclient.make_grpc_client(grpc_address),
        "rest": ovmsclient.make_http_client(rest_address),
    }
    found = {name: answers_of(client, int(version)) for name, client in clients.items()}
    assert "tensorflow" not in sys.modules
    print(json.dumps(found))


def answers_of(client, version):
    model = {"model_name": "toy", "model_version": version}
    wrong = {
        "version": lambda: client.get_model_status(model_name="toy", model_version=9),
        "model": lambda: client.get_model_metadata(model_name="no", model_version=1),
        "input": lambda: client.predict({"z": np.zeros(1, np.float32)}, **model),
    }
    return {
        "predict": np.asarray(client.predict({"x": np.array([2.0, 4.0], np.float32)}, **model)).tolist(),
        "metadata": client.get_model_metadata(**model),
        "status": client.get_model_status(**model),
        "errors": {name: error_of(call) for name, call in wrong.items()},
    }


def error_of(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
