"""Write a set of inputs as a zip file with the layout of an EEMBC dataset folder."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_archive(path: Path, folder: str, labels: str, inputs: Mapping[str, bytes]) -> None:
    """Write `folder`/y_labels.csv with the text `labels`, and `folder`/<name> for each input.

    The bytes of the zip file depend on nothing but the arguments and the version of zlib.
    """
    files = {f"{folder}/{name}": data for name, data in inputs.items()}
    files[f"{folder}/y_labels.csv"] = labels.encode()
    write_files(path, files)


def write_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their names; the bytes of the zip file depend on no more than in the above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # as on Unix, wherever it is written
            archive.writestr(entry, files[name])
