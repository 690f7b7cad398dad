"""Writes executions into a metadata store until it is killed, and prints which are written.

Argument: the SQLite file.
"""

import itertools
import sys

import ml_metadata as mlmd


def main(path: str) -> None:
    connection = mlmd.proto.ConnectionConfig()
    connection.sqlite.filename_uri = path
    print("opening", flush=True)
    store = mlmd.MetadataStore(connection)
    kind = store.put_execution_type(mlmd.proto.ExecutionType(name="Trainer"))
    for count in itertools.count():
        execution = mlmd.proto.Execution(type_id=kind, last_known_state=mlmd.proto.Execution.RUNNING)
        for number in range(20):
            execution.custom_properties[f"property {number}"].string_value = f"{count} " * 200
        [number] = store.put_executions([execution])
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
