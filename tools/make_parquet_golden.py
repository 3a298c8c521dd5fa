#!/usr/bin/env python3
"""Writes tests/golden/data/img2dataset.parquet: the columns that img2dataset leaves beside a shard (its writer's schema:
github.com/rom1504/img2dataset), five rows in two row groups, one caption null. Run by hand with PyPI's pyarrow."""
import pathlib

import pyarrow
import pyarrow.parquet

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/data/img2dataset.parquet"


def main():
    keys = [f"{i:09}" for i in range(5)]
    captions = ["a red apple", "caf\u00e9 \u65e5\u672c", None, "", "the fifth"]
    failed = [False, False, False, True, False]
    table = pyarrow.table({
        "url": [f"https://example.org/{key}.jpg" for key in keys],
        "caption": pyarrow.array(captions, pyarrow.string()),
        "key": keys,
        "status": ["failed_to_download" if f else "success" for f in failed],
        "error_message": ["HTTP Error 404: Not Found" if f else None for f in failed],
        "width": pyarrow.array([None if f else 256 for f in failed], pyarrow.int64()),
        "height": pyarrow.array([None if f else 192 for f in failed], pyarrow.int64()),
        "original_width": pyarrow.array([None if f else 640 for f in failed], pyarrow.int64()),
        "original_height": pyarrow.array([None if f else 480 for f in failed], pyarrow.int64()),
        "exif": ["{}"] * 5,
        "sha256": ["0" * 64] * 5,
    })
    pyarrow.parquet.write_table(table, GOLDEN, compression="snappy", row_group_size=3)


if __name__ == "__main__":
    main()
