"""Lets this virtual environment use the torch of another: python share_torch.py OTHER_VENV.

What this environment has itself comes first; packages that it lacks are found in the other one.
"""
import pathlib
import site
import sys


def main():
    own = pathlib.Path(next(path for path in site.getsitepackages() if path.endswith("site-packages")))
    other = pathlib.Path(sys.argv[1]).resolve() / own.relative_to(sys.prefix)
    if not (other / "torch").is_dir():
        sys.exit(f"{other}: expected torch, found none")
    (own / "zz_shared_torch.pth").write_text(f"{other}\n")


if __name__ == "__main__":
    main()
