"""A ZIP from outside: nothing is written where it says, nothing grows past what it says, and damage has one name."""

import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.extract.archives import HostileArchiveError, discard, is_zip, open_report

Make = Callable[..., Path]


@pytest.fixture
def archive(tmp_path: Path) -> Make:
    def make(*members: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "report.zip"
        with zipfile.ZipFile(path, "w", packing) as out:
            for name, content in members:
                out.writestr(name, content, packing)
        return path

    return make


def test_members_come_in_order_under_names_of_our_own_and_closed_to_others(archive: Make, tmp_path: Path) -> None:
    path = archive(("users.csv", b"u\n1\n"), ("courses.csv", b"c\n"))
    members = open_report(path, tmp_path / "out")
    assert [(one.name, one.path.name, one.path.read_bytes()) for one in members] == [
        ("users", "0000.csv", b"u\n1\n"),
        ("courses", "0001.csv", b"c\n"),
    ]
    assert {stat.S_IMODE(one.path.stat().st_mode) for one in members} == {0o600}
    discard(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_plain_file_is_taken_as_it_is_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    path.write_bytes(b"a,b\n")
    (member,) = open_report(path, tmp_path / "out")
    assert (member.name, member.path) == ("", path)
    assert not is_zip(path)


@pytest.mark.parametrize(
    "name", ["Fall 2026: late start.csv", "2026/27 Autumn.csv", "A..B.csv", "日本語.csv", "con.csv", "C term.csv"]
)
def test_members_named_after_terms_are_legal(archive: Make, tmp_path: Path, name: str) -> None:
    (member,) = open_report(archive((name, b"x")), tmp_path / "out")
    assert member.name == name.removesuffix(".csv")
    assert member.path.parent == tmp_path / "out"


@pytest.mark.parametrize(
    "name",
    ["../evil.csv", "a/../../evil.csv", "/etc/evil.csv", "..\\evil.csv", "C:\\evil.csv", "C:/evil.csv", "\\\\h\\evil"],
)
def test_names_that_lead_elsewhere_are_refused(archive: Make, tmp_path: Path, name: str) -> None:
    with pytest.raises(HostileArchiveError, match="leads out of its folder"):
        open_report(archive(("users.csv", b"x"), (name, b"x")), tmp_path / "out")
    assert not list(tmp_path.rglob("*evil*"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_is_refused(archive: Make, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("users.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(HostileArchiveError, match="link"):
        open_report(archive((link, b"/etc/passwd")), tmp_path / "out")


def test_a_bomb_is_refused_before_it_is_unpacked(archive: Make, tmp_path: Path) -> None:
    with pytest.raises(HostileArchiveError, match="unpacks from"):
        open_report(archive(("users.csv", bytes(64 << 20))), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_report_that_packs_well_is_no_bomb(archive: Make, tmp_path: Path) -> None:
    content = b"".join(b"%d,student,active\n" % number for number in range(1_200_000))
    (member,) = open_report(archive(("enrollments.csv", content)), tmp_path / "out")
    assert member.path.stat().st_size == len(content) > 16 << 20


def test_too_many_members_or_two_of_one_name_are_refused(archive: Make, tmp_path: Path) -> None:
    with pytest.raises(HostileArchiveError, match="1001 members"):
        open_report(archive(*((f"{number}.csv", b"") for number in range(1001))), tmp_path / "out")
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(("users.csv", b"1"), ("users.csv", b"2"))
    with pytest.raises(HostileArchiveError, match="same name"):
        open_report(path, tmp_path / "out")


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_reports_do_not_have_is_refused(archive: Make, tmp_path: Path, packing: int) -> None:
    with pytest.raises(HostileArchiveError, match="packed in a way"):
        open_report(archive(("users.csv", b"x" * 99), packing=packing), tmp_path / "out")


def test_a_member_larger_than_it_says_is_refused(archive: Make, tmp_path: Path) -> None:
    path = archive(("users.csv", b"x" * 5000))
    raw = bytearray(path.read_bytes())
    for place in (raw.find(b"PK\x03\x04") + 22, raw.find(b"PK\x01\x02") + 24):
        assert struct.unpack_from("<I", raw, place) == (5000,)
        struct.pack_into("<I", raw, place, 10)
    path.write_bytes(raw)
    with pytest.raises(HostileArchiveError):
        open_report(path, tmp_path / "out")
    assert all(one.stat().st_size <= 10 for one in (tmp_path / "out").iterdir())


def test_any_damage_is_one_named_error_or_no_damage_to_the_content(archive: Make, tmp_path: Path) -> None:
    contents = [b"a,b\n" + b"1,2\n" * 300, b"x\n" * 200]
    path = archive(("users.csv", contents[0]), ("Füll 2026: A.csv", contents[1]))
    good, rng, refused = path.read_bytes(), random.Random(7), 0  # noqa: S311
    for number in range(800):
        damaged = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged[: rng.randrange(4, len(damaged))] if number % 5 == 0 else damaged)
        out = tmp_path / "out"
        try:
            members = open_report(path, out)
        except HostileArchiveError:
            refused += 1
        else:
            found = [one.path.read_bytes() for one in members if one.path != path]
            assert all(content in contents for content in found)
        discard(out)
    assert refused > 300
