"""Cheats earn nothing and harm nobody: a class of them, and three honest students among them, graded by us."""

import json
import time
import uuid

import attacks
import ground
import pytest

NAMED = {attack.name: attack for attack in attacks.ATTACKS}


CLASSES = [
    pytest.param(slug, marks=pytest.mark.xdist_group(f"attacks-{slug}")) for slug in (attacks.FOREIGN, attacks.OWN)
]


@pytest.fixture(scope="module", params=CLASSES)
def honest_points(request, tmp_path_factory):
    """(set, the points of the honest students where nobody else hands in)."""
    place = ground.make(tmp_path_factory.mktemp("honest") / "course", request.param)
    for student in ground.HONEST:
        ground.hand_in(place, student, ground.honest(place, student))
    done = ground.grade(place)
    assert done.returncode == 0, done.stdout
    return request.param, ground.points(place)


@pytest.fixture(scope="module")
def graded(honest_points, tmp_path_factory):
    """What came of the class of attackers to a set."""
    slug, alone = honest_points
    mark = uuid.uuid4().hex
    with ground.line() as (port, heard):
        place = ground.make(tmp_path_factory.mktemp("attacked") / "course", slug, port)
        for student in ground.HONEST:
            ground.hand_in(place, student, ground.honest(place, student))
        handed_in = [attack for attack in attacks.ATTACKS if attack.slug == slug]
        for attack in handed_in:
            ground.hand_in(place, attack.name, attack.apply)
        before = ground.state(place)
        done = ground.grade(place, **{ground.MARK: mark})
        end = time.monotonic() + 10  # for what has been told to end
        while ground.left_running(mark) and time.monotonic() < end:
            time.sleep(0.2)
        return {
            "place": place,
            "attacks": handed_in,
            "alone": alone,
            "done": done,
            "points": ground.points(place),
            "heard": heard,
            "harm": ground.harm(place, before),
            "left": ground.left_running(mark),
        }


def test_there_are_attacks_of_every_kind():
    assert len(NAMED) == len(attacks.ATTACKS) >= 60
    assert len({attack.family for attack in attacks.ATTACKS}) >= 20


def test_the_books_table_is_of_these_attacks():
    """`python -m bench.attacks` was run since the last one came."""
    rows = json.loads((ground.ROOT / "book" / "data" / "attacks.json").read_text(encoding="utf-8"))["rows"]
    assert {row["attack"]: (row["family"], row["set"]) for row in rows} == {
        attack.name: (attack.family, attack.slug) for attack in attacks.ATTACKS
    }
    assert not [row["attack"] for row in rows if row["ours"]["points"] > 0 or row["ours"]["harm"]]


def test_the_run_comes_to_its_end(graded):
    """Exit code 1: some submissions cannot be graded, each of which is told, and no others."""
    output = f"\n{graded['done'].stdout}"
    failed = [attack for attack in graded["attacks"] if f"\n{attack.name}: " in output]
    assert graded["done"].returncode == 1 and f"failed {len(failed)} in" in output, output
    assert {attack.family for attack in failed} <= {"not a notebook", "files in the folder"}
    assert "Traceback" not in output
    assert graded["points"].keys() == {*ground.HONEST, *(attack.name for attack in graded["attacks"])}


def test_no_attack_earns_a_point(graded):
    earned = {a.name: sum(graded["points"][a.name].values()) - a.merited for a in graded["attacks"]}
    assert {name: points for name, points in earned.items() if points > 0} == {}


def test_honest_students_have_what_they_had(graded):
    assert {s: graded["points"][s] for s in ground.HONEST} == {s: graded["alone"][s] for s in ground.HONEST}
    assert sum(graded["alone"]["aaron"].values()) > sum(graded["alone"]["mia"].values()) > 0


def test_nothing_outside_a_submission_is_changed(graded):
    assert graded["harm"] == []


def test_nothing_is_left_running(graded):
    assert graded["left"] == {}


def test_no_line_is_opened(graded):
    assert graded["heard"] == []


def test_no_secret_is_shown(graded):
    shown = {a.name: ground.secrets_shown(graded["place"], a.name) for a in graded["attacks"]}
    assert {name: secrets for name, secrets in shown.items() if secrets} == {}


def test_what_is_kept_of_a_submission_is_small(graded):
    folders = {a.name: graded["place"].folder / "autograded" / a.name for a in graded["attacks"]}
    assert {name for name, folder in folders.items() if ground.megabytes(folder) > 120} == set()
