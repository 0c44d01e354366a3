#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What stats_page shows of a sample: the page is well-formed and needs nothing else, whatever names
are in it; the text keeps to its width. stats_page.py PROGRAM SAMPLE"""
import base64
import html.parser
import json
import re
import subprocess
import sys

VOID = {"meta", "img", "br", "hr", "link", "input"}
ALLOWED = VOID - {"link", "input"} | set(
    "html head title style body h1 h2 h3 div b i span section p table thead tbody tr th td svg rect "
    "figure figcaption ul li bdi".split())
ATTRIBUTES = set(
    "lang charset name content http-equiv class scope colspan viewbox preserveaspectratio "
    "aria-hidden aria-label role x y width height alt src".split())


class Page(html.parser.HTMLParser):
    """Collects texts and images; fails on anything that a page of ours never has."""

    def __init__(self):
        super().__init__()
        self.open, self.texts, self.images = [], [], []

    def handle_starttag(self, tag, attributes):
        assert tag in ALLOWED, f"<{tag}> in line {self.getpos()[0]}"
        for name, value in attributes:
            assert name in ATTRIBUTES, f"{name}= in line {self.getpos()[0]}"
            assert "//" not in (value or "") or name == "src", f"{name}={value}"
        if tag == "img":
            self.images.append(dict(attributes)["src"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in line {self.getpos()[0]}"
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            assert "url(" not in data and "@import" not in data
        elif data.strip():
            self.texts.append(data)


def run(program, *arguments):
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE).stdout


def check_page(text, images):
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open, page.open
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "a control character"
    for expected in ("<script>alert(1)</script>", "\"><img src=x onerror=\"alert('2')\">",
                     "resnet-50 <v2>", "a & b/<i>.png", r"\xff\xfe", r"train/\xff.png",
                     r"\xe2\x80\xaegnp.exe", r"tab\x09and\x0aline & more", r"\xff\xfe\x1b[31m", "pets@v2 <&>"):
        assert expected in page.texts, expected
    assert "-0.05" in page.texts and "-" in page.texts, "kappa, and none"
    for hostile in ('onerror="', "alert('2')", '"twice"'):
        assert hostile not in text, hostile
    assert len(page.images) == images, len(page.images)
    ends = set()
    for image in page.images:
        kind, _, data = image.partition(";base64,")
        assert kind == "data:image/bmp", kind
        bitmap = base64.b64decode(data, validate=True)
        assert bitmap[:2] == b"BM"
        ends.add(bitmap[822:])
    assert ends == {b"", b"x", b"xy"}, ends


def check_text(text, width, sample):
    lines = text.split("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text), "a control character"
    for line in lines:
        if "%" in line:
            assert len(line) <= width, f"{len(line)} columns: {line}"
    for key in sample["keys"]:
        assert any(line.startswith(key["key"] + ": ") for line in lines), key["key"]
    rows = [line for line in lines if re.match(r"  (cat|dog) ", line)]
    bars = [len(re.search(r"% (.*)$", row).group(1)) for row in rows]
    assert len(bars) == 2 and abs(bars[1] / bars[0] - 3010 / 4120) < 2 / bars[0], rows


def main():
    program, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        sample = json.load(file)
    check_page(run(program, "html", path).decode("utf-8"), 6)
    check_page(run(program, "html", path, "9").decode("utf-8"), 7)
    for width in (60, 80, 200):
        check_text(run(program, "utf8", path, str(width)).decode("utf-8"), width, sample)
        check_text(run(program, "ascii", path, str(width)).decode("utf-8"), width, sample)
    assert "#" not in run(program, "utf8", path).decode("utf-8")
    assert "\u2588" not in run(program, "ascii", path).decode("utf-8")


main()
