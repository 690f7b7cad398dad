"""Packaging of the MovieLens recommender pipeline: packages, entry points and dependency ranges.

Python 3.11 to 3.13 get the current stack, TFX 1.21, and Python 3.10 the legacy stack, TFX 1.16. The exact
versions that CI runs are in `requirements/`; `make lock` refreshes them from the ranges below.
"""

import sys
import sysconfig
from pathlib import Path

from setuptools import Distribution, find_packages, setup

LEGACY_STACK = "python_version < '3.11'"
CURRENT_STACK = "python_version >= '3.11'"

REQUIRES = [
    f"tfx>=1.16,<1.17; {LEGACY_STACK}",
    f"tensorflow>=2.16.2,<2.17; {LEGACY_STACK}",
    f"tf-keras>=2.16,<2.17; {LEGACY_STACK}",
    f"tensorflow-transform>=1.16,<1.17; {LEGACY_STACK}",
    f"tensorflow-data-validation>=1.16,<1.17; {LEGACY_STACK}",
    f"tensorflow-model-analysis>=0.47,<0.48; {LEGACY_STACK}",
    f"apache-beam>=2.74,<2.75; {LEGACY_STACK}",
    f"tfx>=1.21,<1.22; {CURRENT_STACK}",
    f"tensorflow>=2.21,<2.22; {CURRENT_STACK}",
    f"tf-keras>=2.21,<2.22; {CURRENT_STACK}",
    f"tensorflow-transform>=1.21,<1.22; {CURRENT_STACK}",
    f"tensorflow-data-validation>=1.21,<1.22; {CURRENT_STACK}",
    f"tensorflow-model-analysis>=0.52,<0.53; {CURRENT_STACK}",
    f"apache-beam>=2.77,<2.78; {CURRENT_STACK}",
    # Towers, cross layers and the retrieval task. It is Keras 2 code, hence tf-keras above.
    "tensorflow-recommenders>=0.7.7,<0.8",
    # Beam pickles our DoFns with dill and no longer installs it by itself.
    "dill>=0.3.9",
    # TensorFlow's Keras callback writes TensorBoard logs; the current stack does not pull it in.
    "tensorboard",
    # The verified MovieLens download: checksums, cache, resume after a failure.
    "pooch>=1.8",
    # Distinguishes a download that cannot be reached from one that failed; pooch downloads with it.
    "requests",
    # tqdm draws pooch's progress bar.
    "tqdm>=4.66",
    # The configuration is a tree of frozen, validated models that name the wrong key in an error.
    "pydantic>=2.7,<3",
    "pyyaml>=6",
    # The live table of nodes and the epoch bar on the console.
    "rich>=13",
    # The import graph that shows which source files a node depends on (cache keys).
    "grimp>=3.5",
    # Peak memory per node.
    "psutil>=5.9",
    # k-means, which partitions a catalogue that is too large to score whole.
    "scikit-learn",
    # The search for hyperparameters; its line is TFX's choice. The search itself needs scikit-learn too.
    "keras-tuner",
    # The report of a run: its charts as SVG, and its page from templates that escape what they show.
    "matplotlib>=3.9",
    "jinja2>=3.1",
    # ipywidgets 7, which TFMA requires on the legacy stack, imports it without requiring it.
    f"ipykernel; {LEGACY_STACK}",
    # Batch scoring writes Parquet; its line is TFX's choice.
    "pyarrow",
    # The legacy stack's pyarrow runs code that a Parquet file holds; this switches it off.
    "pyarrow-hotfix>=0.7",
    # The requests of the warm-up file that a push adds, in TensorFlow Serving's own format.
    "tensorflow-serving-api",
    # Arrays between readers, trainers and metrics; its line is TensorFlow's choice.
    "numpy",
    # protobuf, tensorflow-metadata, ml-metadata and absl-py come with TFX at the versions it works with.
]

EXTRAS = {
    # The Kubeflow compiler; TFX pins the version line that it can drive.
    "kfp": [f"kfp==2.5.0; {LEGACY_STACK}", f"kfp>=2.16.1,<3; {CURRENT_STACK}"],
    "serving": [
        # The local model server, beside tensorflow-serving-api: gRPC with its health and reflection services,
        # HTTP in the same event loop, and the metrics that Prometheus reads.
        "grpcio",
        "grpcio-health-checking",
        "grpcio-reflection",
        "aiohttp>=3.10,<4",
        "prometheus-client",
    ],
    # The web application for people who pick a film; Jinja2, which draws its pages, is a requirement already.
    "app": [
        # Routes, validation with pydantic, and the OpenAPI description of the JSON API.
        "fastapi>=0.115,<1",
        # The server that runs it.
        "uvicorn>=0.30,<1",
        # Forms in the bodies of posts.
        "python-multipart>=0.0.18",
        # Signs the cookie of a session.
        "itsdangerous>=2.2,<3",
        # The rate limit: a moving window by client.
        "limits>=3.13,<6",
        # What Prometheus reads.
        "prometheus-client",
    ],
    # The recommenders that `python -m studies` measures ours against; the product does not use them.
    "studies": [
        # Implicit-feedback ALS.
        "implicit>=0.7.2,<0.8",
        # SVD and SVD++.
        "scikit-surprise>=1.1.4,<2",
        # Sparse matrices for item-kNN and EASE; its line is TFX's choice.
        "scipy",
    ],
    # What `serving.client` imports. An extra cannot leave out TFX and TensorFlow, which the project itself
    # needs: where they must not be, `pip install ./serving` installs the client alone.
    "serving-client": ["grpcio>=1.48", "numpy", "protobuf>=3.20.2"],
    # With it each request of the client is a span; the program chooses where spans go.
    "tracing": ["opentelemetry-api>=1.20,<2"],
    # The parameters and metrics of a run in MLflow: its client without the server, its UI and pandas.
    "mlflow": ["mlflow-skinny>=2.22,<4"],
    # What `make docs` builds the documentation site with.
    "docs": [
        "mkdocs>=1.6,<2",
        # The theme. Its fonts, its search and its icons are part of the built site, which loads nothing.
        "mkdocs-material>=9.7,<10",
        # The Python API from signatures and docstrings, read without importing the code.
        "mkdocstrings[python]>=1.0,<2",
        # mkdocstrings 1.0 does not work with the highlighter of version 12.
        "pymdown-extensions>=10.14,<12",
    ],
    # `pip install -e .[dev]`: everything that `make lint types test` runs, and pre-commit.
    "dev": [
        # The tests compare setup.py with the lock files.
        "packaging",
        # Finds what the light client uses of Pythons newer than the oldest that it is declared for.
        "vermin",
        # The tests hold deploy/ to the published schemas of Kubernetes and to the Compose specification.
        "kubernetes-validate",
        "compose-spec",
        "hypothesis",
        # The test client of the web application is made of it.
        "httpx>=0.27,<1",
        # A client of TensorFlow Serving that is not ours, for the contract of the local model server.
        "ovmsclient",
        # Certificates for the tests of TLS.
        "trustme",
        "import-linter",
        "mypy",
        # Collects the spans of the client in its tests.
        "opentelemetry-sdk>=1.20,<2",
        # Drives Debian's chromium through the report.
        "playwright",
        "pre-commit",
        # pytest-xdist 3.8 does not keep groups of tests together with pytest 9.
        "pytest<9",
        # The lines that `make test` runs, those of the processes it starts among them.
        "pytest-cov>=7",
        "pytest-timeout",
        # Two cores do twice as much: most of a run of the pipeline keeps one of them busy.
        "pytest-xdist",
        "ruff",
        # Requests of every kind that the application's OpenAPI description allows.
        "schemathesis>=3.36,<5",
        "types-PyYAML",
        "types-psutil",
    ],
}

# A `.pth` line runs when the interpreter starts, so it comes before any import of TensorFlow in any process:
# runners, tests, Beam workers and the containers that Kubeflow starts. One file selects Keras 2. The second
# keeps off the terminal what TensorFlow and Google's packages print about the machine and about Python 3.10.
# The third loads SQLite: TensorFlow 2.21 brings an SQLite without full-text search, which the catalogue of a
# pushed version needs, and `sqlite3` would take that one if TensorFlow came first.
# Their folder is named after the Python version, and so is the wheel that holds them.
PTH_FILES = ("legacy_keras", "quiet_libraries", "system_sqlite")
SITE_PACKAGES = Path(sysconfig.get_path("purelib")).relative_to(sysconfig.get_path("data"))


class DataFilesDistribution(Distribution):
    """Installs `data_files` in an editable install too: setuptools reads `has_data` there."""

    has_data = Distribution.has_data_files


setup(
    distclass=DataFilesDistribution,
    name="movielens-recommender",
    version="0.1.0",
    description="A TFX pipeline from MovieLens ratings to validated retrieval and ranking SavedModels",
    long_description=Path("README.md").read_text(encoding="utf-8") if Path("README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    packages=find_packages(
        include=[
            "pipeline*",
            "components*",
            "trainer_module*",
            "movielens*",
            "contracts*",
            "distances*",
            "schema*",
            "serving*",
            "reports*",
        ]
    ),
    py_modules=["local_runner", "kubeflow_runner", "movielens_recommender"],
    entry_points={"console_scripts": ["movielens-recommender = movielens_recommender:main"]},
    package_data={
        "schema": ["*.pbtxt"],
        "pipeline": ["configs/*.yaml", "configs/presets/*.yaml"],
        "serving": ["py.typed"],
        "serving.client": ["*.binpb"],
        "serving.app.web": ["static/*", "templates/*"],
        "reports": ["templates/*"],
    },
    data_files=[(str(SITE_PACKAGES), [f"trainer_module/{name}.pth" for name in PTH_FILES])],
    options={"bdist_wheel": {"python_tag": f"cp{sys.version_info.major}{sys.version_info.minor}"}},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
)
