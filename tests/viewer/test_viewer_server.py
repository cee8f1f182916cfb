"""The page's server, asked over HTTP as its page does."""

import json
import re
import threading
from importlib.resources import files
from pathlib import Path

import geopandas
import pytest
from small_place import POINTS, SECRET, Client

from l2h.core.errors import UsageError
from l2h.viewer.interpret import Task, open_desk
from l2h.viewer.server import PAGES, DeskServer


def test_two_interpret_blind_and_a_third_decides(client: Client, place: Path) -> None:
    for who in ("reader-1", "reader-2"):
        for number in range(len(POINTS)):
            view = client.next(who)
            assert (view["answer"], view["others"]) == (None, [])
            value = 2 if number else {"reader-1": 4, "reader-2": 5}[who]
            client.say(who, view["point"], value, comment="seen by nobody else", scene=view["scenes"][0]["index"])
        assert client.next(who)["point"] is None
    assert client.next("Cem")["point"] is None
    assert client.next("reader-1", "adjudicate")["point"] is None
    dispute = client.next("Cem", "adjudicate")
    assert [o["value"] for o in dispute["others"]] == [4, 5]
    assert "reader-1" not in json.dumps(dispute)
    status, answer = client.try_post(
        "/api/answer", interpreter="reader-1", role="adjudicate", key="k", point=dispute["point"], value=4
    )
    assert (status, "third person" in answer["error"]) == (400, True)
    client.say("Cem", dispute["point"], 5, "adjudicate")
    found = client.get("/api/agreement")
    assert found["agree"]["value"] == pytest.approx(5 / 6)
    assert [(p["first"], p["second"], p["points"]) for p in found["pairs"]] == [("reader-1", "reader-2", 6)]
    assert found["states"] == {"open": 0, "agreed": 5, "disputed": 0, "adjudicated": 1}
    done = client.post("/api/export")
    assert (done["with_class"], done["waiting"]) == (6, 0)
    frame = geopandas.read_file(place / "interpretation" / "points-interpreted.gpkg", layer="points")
    assert sorted(frame["class_value"]) == [2, 2, 2, 2, 2, 5]
    assert frame["scene_dates"].unique().tolist() == ["2021-03-04"]


def test_neither_the_map_nor_the_sample_reaches_the_browser(client: Client) -> None:
    """No answer holds what the points' file says of a point: not its stratum, chance, class, identity or place."""
    for path in (*PAGES, "/api/setup", "/api/agreement", "/api/none"):
        client.send("GET", path)
    for number in range(1, len(POINTS) + 1):
        client.say("reader-1", number, 2)
        client.next("reader-2", point=number)
        for zoom in range(3):
            client.send("GET", f"/picture/{number}/{zoom}")
    client.next("reader-2")
    client.post("/api/export")
    client.post("/api/undo", interpreter="reader-1", key="u")
    everything = b"\n".join(client.bodies)
    assert len(client.bodies) > 40
    forbidden = [SECRET, "stratum", "inclusion", "0.000123456789", "50000", "33199", "wood-", "edge-"]
    assert [word for word in forbidden if word.encode() in everything] == []
    views = [json.loads(b.split(b"Server: ")[0]) for b in client.bodies if b.startswith(b'{"point"')]
    known = {"point", "role", "scenes", "answer", "others", "previous", "next", "coming", "progress"}
    assert views
    assert all(set(view) <= known for view in views)


def test_an_answer_sent_twice_counts_once_and_undo_too(client: Client) -> None:
    first = client.say("reader-1", 1, 2, key="same")
    assert client.say("reader-1", 1, 2, key="same")["progress"]["done"] == first["progress"]["done"] == 1
    client.say("reader-1", 2, 4)
    for _ in range(2):
        assert client.post("/api/undo", interpreter="reader-1", key="undo")["point"] == 2
    assert client.next("reader-1", point=1)["answer"]["value"] == 2
    status, answer = client.try_post("/api/undo", interpreter="reader-2", key="other")
    assert (status, answer["error"]) == (400, "there is nothing to undo.")


def test_back_and_forth(client: Client) -> None:
    seen = []
    for value in (2, 4, 5):
        seen.append(client.next("reader-1")["point"])
        client.say("reader-1", seen[-1], value, confidence="low", comment="note")
    middle = client.next("reader-1", point=seen[1])
    assert (middle["previous"], middle["next"]) == (seen[0], seen[2])
    assert middle["answer"] == {"value": 4, "confidence": "low", "comment": "note"}
    fourth = client.next("reader-1")["point"]
    assert client.next("reader-1", skip=fourth)["point"] not in (*seen, fourth)


def test_many_at_once_leave_two_answers_a_point(client: Client) -> None:
    def work(name: str) -> None:
        mine = Client(client.port)
        while (view := mine.next(name))["point"] is not None:
            mine.say(name, view["point"], 2)

    people = [threading.Thread(target=work, args=(f"P{n}",)) for n in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    found = client.get("/api/agreement")
    assert found["states"]["agreed"] == len(POINTS)
    assert sum(c["answers"] for c in found["classes"]) == 2 * len(POINTS)


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/api/answer", {"interpreter": "A", "key": "k", "point": 1, "value": 11}, "no such class"),
        ("/api/answer", {"interpreter": "A", "key": "k", "point": 99, "value": 2}, "no such point"),
        ("/api/answer", {"interpreter": "A", "key": "k", "point": 1, "value": 2, "scene": 7}, "does not show"),
        ("/api/answer", {"interpreter": "<b>", "key": "k", "point": 1, "value": 2}, "no name"),
        ("/api/answer", {"interpreter": "A", "key": "k", "point": 1}, "value"),
        ("/api/point", {"interpreter": "A", "map": True}, "map"),
        ("/api/point", {"interpreter": "A", "role": "boss"}, "role"),
        ("/api/point", [], "valid"),
    ],
)
def test_bad_words_are_answered_with_a_sentence(client: Client, path: str, body: object, word: str) -> None:
    headers = {"Content_Type": "application/json", "Origin": f"http://127.0.0.1:{client.port}"}
    status, answer = client.send("POST", path, json.dumps(body).encode(), **headers)
    assert status == 400
    assert word in json.loads(answer)["error"]
    assert client.get("/api/agreement")["states"]["open"] == len(POINTS)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Host": "evil.example"}, b"{}", 421),
        ({"Origin": "http://evil.example"}, b"{}", 403),
        ({"Origin": ""}, b"{}", 403),
        ({"Content_Type": "text/plain"}, b"{}", 415),
        ({}, b" " * 70000, 413),
        ({}, b"{", 400),
    ],
)
def test_strangers_are_refused(client: Client, headers: dict[str, str], body: bytes, status: int) -> None:
    usual = {"Content_Type": "application/json", "Origin": f"http://127.0.0.1:{client.port}"}
    assert client.send("POST", "/api/export", body, **(usual | headers))[0] == status


@pytest.mark.parametrize(
    ("path", "status"),
    [("/map", 404), ("/static/../server.py", 404), ("/picture/0/0", 404), ("/picture/1/3", 400),
     ("/picture/99/0", 400), ("/picture/1/0?scene=x", 400), ("/picture/1/0?scene=9", 400)],
)  # fmt: skip
def test_nothing_else_is_served(client: Client, path: str, status: int) -> None:
    assert client.send("GET", path)[0] == status


def test_pages_may_load_nothing_from_elsewhere_and_write_text_only(client: Client) -> None:
    client.send("GET", "/")
    assert client.last is not None
    assert "default-src 'none'" in str(client.last.headers["Content-Security-Policy"])
    assert client.last.headers["X-Content-Type-Options"] == "nosniff"
    folder = files("l2h.viewer") / "static"
    for name in sorted({name for name, _ in PAGES.values()}):
        text = (folder / name).read_text("utf-8")
        elsewhere = re.findall(r"https?://\S+", text.replace("http://www.w3.org/2000/svg", ""))
        assert elsewhere == []
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_a_token_is_asked_for_and_kept_in_a_cookie(place: Path) -> None:
    desk = open_desk(Task(place, place / "points.gpkg", only="reader-1"))
    with pytest.raises(UsageError, match="needs a token"):
        DeskServer(desk, "0.0.0.0", 0)
    with DeskServer(desk, "127.0.0.1", 0, "0123456789") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        stranger = Client(server.server_port)
        assert stranger.send("GET", "/api/setup")[0] == 401
        assert stranger.send("GET", "/?token=wrong")[0] == 401
        assert stranger.send("GET", "/?token=0123456789")[0] == 303
        assert stranger.last is not None
        cookie = str(stranger.last.headers["Set-Cookie"])
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        friend = Client(server.server_port, Cookie=cookie.split(";")[0])
        assert friend.get("/api/setup")["only"] == "reader-1"
        assert friend.try_post("/api/point", interpreter="reader-2")[0] == 400
        assert Client(server.server_port, Authorization="Bearer 0123456789").next("reader-1")["point"]
        server.shutdown()
    desk.close()


def test_others_reach_it_by_the_name_that_is_printed(place: Path) -> None:
    desk = open_desk(Task(place, place / "points.gpkg"))
    with DeskServer(desk, "0.0.0.0", 0, "0123456789") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        host = server.url.removeprefix("http://").partition("/")[0]
        friend = Client(server.server_port, Host=host, Authorization="Bearer 0123456789")
        assert friend.get("/api/setup")["points"] == len(POINTS)
        stranger = Client(server.server_port, Host=f"evil.example:{server.server_port}")
        assert stranger.send("GET", "/?token=0123456789")[0] == 421
        server.shutdown()
    desk.close()


def test_a_port_that_is_taken_is_a_clear_error(client: Client, place: Path) -> None:
    desk = open_desk(Task(place, place / "points.gpkg"))
    with pytest.raises(UsageError, match="cannot listen here"):
        DeskServer(desk, "127.0.0.1", client.port)
    desk.close()
