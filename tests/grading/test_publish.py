"""What is published: the site, its releases below, and a workflow that runs what the README says."""

import re
import tarfile

import pytest
import yaml

from grading import publish, spec

WORKFLOW = spec.ROOT / ".github" / "workflows" / "site.yml"


def packed(folder, tag, text):
    """A release's site, as the workflow hangs it on the release."""
    (folder / "page.html").write_text(text)
    with tarfile.open(folder / f"{tag}.tar.gz", "w:gz") as bundle:
        bundle.add(folder / "page.html", "./index.html")


def test_the_site_and_each_release_have_their_place(tmp_path):
    site, releases, public = (tmp_path / name for name in ("site", "releases", "public"))
    site.mkdir(), releases.mkdir(), public.mkdir()
    (site / "index.html").write_text("main")
    (public / "old.html").write_text("of the last time")
    for tag in ("v0.9.0", "v0.10.0", "v1.0.0rc1"):
        packed(releases, tag, tag)
    publish.publish(site, releases, public)
    assert (public / "index.html").read_text() == "main"
    assert (public / "v0.10.0" / "index.html").read_text() == "v0.10.0"
    assert not (public / "old.html").exists() and (public / ".nojekyll").exists()
    listed = re.findall(r'href="([^"]*)"', (public / "versions.html").read_text())
    assert listed == ["./", "v1.0.0rc1/", "v0.10.0/", "v0.9.0/"]


def test_there_may_be_no_release_yet(tmp_path):
    (tmp_path / "site").mkdir()
    assert publish.publish(tmp_path / "site", tmp_path / "none", tmp_path / "public") == []


def test_a_release_comes_before_its_candidates():
    assert sorted(["v1.0.0", "v1.0.0rc1", "v0.2.0"], key=publish.order) == ["v0.2.0", "v1.0.0rc1", "v1.0.0"]


def test_a_strangers_archive_is_refused(tmp_path):
    (tmp_path / "site").mkdir()
    packed(tmp_path, "index", "x")
    with pytest.raises(SystemExit, match=r"index\.tar\.gz is no release"):
        publish.publish(tmp_path / "site", tmp_path, tmp_path / "public")


# The workflow ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jobs():
    return yaml.safe_load(WORKFLOW.read_text())["jobs"]


def steps(jobs):
    return [step for job in jobs.values() for step in job["steps"]]


def test_it_runs_the_verbs_of_the_makefile_and_of_ci(jobs):
    makefile = (spec.ROOT / "Makefile").read_text()
    made = [line for step in steps(jobs) for line in step.get("run", "").splitlines() if line.startswith("make")]
    assert {"make", "make test", "make test-browser", "make public"} <= set(made)
    for line in made:
        for verb in line.split()[1:]:
            assert f"\n{verb}:" in makefile
    ci = (spec.ROOT / ".ci" / "run").read_text()
    assert all(line in made for line in re.findall(r"^make.*$", ci, re.M))
    readme = (spec.ROOT / "README.md").read_text()
    assert all(line in readme for line in ("make  ", "make test"))


def test_it_tests_before_it_publishes(jobs):
    order = [step.get("run") or step["uses"].split("@")[0] for step in jobs["build"]["steps"]]
    assert order.index("make test") < order.index("make test-browser") < order.index("make public")
    assert order[-1] == "actions/upload-pages-artifact"
    assert jobs["deploy"]["needs"] == "build"
    upload = jobs["build"]["steps"][-1]
    assert spec.ROOT / upload["with"]["path"] == spec.ROOT / "_build" / "public"


def test_it_may_do_what_it_must_and_no_more(jobs):
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {"contents": "read"}
    writes = {(name, what) for name, job in jobs.items() for what, may in job["permissions"].items() if may == "write"}
    assert writes == {("release", "contents"), ("deploy", "pages"), ("deploy", "id-token")}
    for name in ("release", "deploy"):
        assert "if" in jobs[name]  # never on a pull request
    checkouts = [step for step in steps(jobs) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts and all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_its_actions_are_pinned_and_github_s_own(jobs):
    text = WORKFLOW.read_text()
    for step in steps(jobs):
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
            assert re.search(re.escape(step["uses"]) + r" # v\d+\.\d+\.\d+$", text, re.M)


def test_no_command_holds_a_text_of_github_s(jobs):
    """${{ }} in a command would be run as the shell's own; values come through the environment."""
    assert not [step["run"] for step in steps(jobs) if "${{" in step.get("run", "")]


def test_a_release_knows_its_address_and_version(jobs):
    env = next(step["env"] for step in jobs["release"]["steps"] if step.get("run") == "make book")
    assert env.keys() == {"BOOK_URL", "BOOK_VERSION"}
