#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""croissant.py DOCUMENT: checks a croissant.json of a mount against the text of Croissant 1.1
(https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html), and what it says of files
against these. Prints its record sets and how many rows each has in the document."""
import fnmatch
import hashlib
import json
import os
import re
import sys

CR, SC = "http://mlcommons.org/croissant/", "https://schema.org/"
# Appendix 1: the terms that are those of `cr` by the same name.
TERMS = """annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileProperty
fileObject fileSet format includes isArray isLiveDataset jsonPath key md5 parentField recordSet references regex
readLines sdVersion separator source subField transform unArchive value""".split()
CONTEXT = {
    "@language": "en", "@vocab": SC, "sc": SC, "cr": CR, "rai": CR + "RAI/", "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "examples": {"@id": "cr:examples", "@type": "@json"},
    "prov": "http://www.w3.org/ns/prov#", "odrl": "http://www.w3.org/ns/odrl/2/",
    "cc": "http://creativecommons.org/ns#", **{term: "cr:" + term for term in TERMS}}
REQUIRED = "@context @type conformsTo description license name url creator datePublished distribution".split()
TYPES = {"cr:FileObject", "cr:FileSet", "cr:RecordSet", "cr:Field"}
DATA_TYPES = {"sc:Text", "sc:Float", "sc:Integer", "sc:DateTime", "sc:URL", "cr:Label", "cr:Split", "sc:Enumeration"}
FILE_PROPERTIES = {"fullpath", "filename", "content", "lines", "lineNumbers"}


def once(pairs):
    members = dict(pairs)
    assert len(members) == len(pairs), "a member twice: %s" % [name for name, _ in pairs]
    return members


def many(value):
    return value if isinstance(value, list) else [value]


def nodes(value):
    """Every object but those that are data (JSON, no nodes), and the context."""
    if isinstance(value, dict):
        yield value
        for name, member in value.items():
            if name not in ("data", "examples", "@context"):
                yield from nodes(member)
    elif isinstance(value, list):
        for member in value:
            yield from nodes(member)


def is_curie(text):
    return re.fullmatch("(%s):[A-Za-z]+" % "|".join(("sc", "cr", "prov", "odrl", "cc", "dct")), text)


def check_ids(document):
    """Ids are defined once, what is referred to is defined."""
    defined = [node["@id"] for node in nodes(document) if "@id" in node and len(node) > 1]
    assert len(defined) == len(set(defined)), "an id twice: %s" % defined
    for node in nodes(document):
        if len(node) == 1 and "@id" in node:
            assert node["@id"] in defined or is_curie(node["@id"]), "no such id: %s" % node["@id"]
        for kind in many(node.get("@type", [])):
            assert is_curie(kind), kind
        for name in node:
            assert ":" not in name or is_curie(name), name


def check_dataset(document):
    assert document["@context"] == CONTEXT, "the context"
    assert document["@type"] == "sc:Dataset"
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    for name in REQUIRED:
        assert document.get(name), "no %s" % name
    for name in "name description url version citeAs".split():
        assert isinstance(document[name], str), name
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["datePublished"])
    for person in many(document["creator"]):
        assert person["@type"] in ("sc:Person", "sc:Organization") and person["name"]
    for licence in many(document["license"]):
        assert re.match("https?://", licence) if isinstance(licence, str) else licence["@type"] == "sc:CreativeWork"
    for node in nodes(document):
        if "digest" in node.get("propertyID", ""):
            assert re.fullmatch("[0-9a-f]{64}", node["value"]), node


def check_file(node, folder):
    path = os.path.join(folder, node["contentUrl"])
    assert re.fullmatch("[0-9a-f]{64}", node["sha256"]), node
    if os.path.isdir(path):
        assert node["encodingFormat"] == "inode/directory"
        return path
    data = open(path, "rb").read()
    assert hashlib.sha256(data).hexdigest() == node["sha256"], "%s: another sum" % path
    assert "%d B" % len(data) == node["contentSize"], "%s: another size" % path
    return path


def paths_below(top):
    return [os.path.relpath(os.path.join(at, name), top) for at, _, names in os.walk(top) for name in names]


def check_distribution(document, folder):
    """The paths of each set of files, or of a file's columns."""
    places, contents = {}, {}
    for node in document["distribution"]:
        assert node["@type"] in TYPES and node["encodingFormat"] and node["name"], node
        if node["@type"] == "cr:FileObject":
            places[node["@id"]] = check_file(node, folder)
    for node in document["distribution"]:
        if node["@type"] == "cr:FileSet":
            top = places[node["containedIn"]["@id"]]
            found = [path for path in paths_below(top) if fnmatch.fnmatchcase(path, node["includes"])]
            assert found, "no file is in %s" % node["@id"]
            contents[node["@id"]] = found
        elif node["encodingFormat"] == "application/jsonlines":
            lines = [json.loads(line) for line in open(places[node["@id"]], encoding="utf-8")]
            contents[node["@id"]] = set().union(*lines)
    return contents


def check_source(field, contents):
    source = field["source"]
    assert len({"fileObject", "fileSet"} & set(source)) == 1, source
    inside = contents[source.get("fileObject", source.get("fileSet"))["@id"]]
    extract = source["extract"]
    assert extract.get("fileProperty") in FILE_PROPERTIES or extract["column"] in inside, extract
    if "transform" in source:
        found = [re.match(source["transform"]["regex"], path) for path in inside]
        assert any(found), "no path is like %s" % source["transform"]["regex"]


def check_records(document, contents):
    for records in document["recordSet"]:
        assert records["@type"] == "cr:RecordSet"
        ids = {field["@id"] for field in records["field"]}
        assert all(many(records.get("key", []))), records["@id"]
        for key in many(records.get("key", [])):
            assert key["@id"] in ids
        for field in records["field"]:
            assert field["@type"] == "cr:Field" and field["@id"].startswith(records["@id"] + "/")
            assert set(many(field["dataType"])) <= DATA_TYPES, field
            if "data" not in records:
                check_source(field, contents)
        for row in records.get("data", []):
            assert set(row) == ids, row
        if "data" in records:
            keys = [row[records["key"]["@id"]] for row in records["data"]]
            assert len(keys) == len(set(keys)) and set(many(records["dataType"])) <= DATA_TYPES


def main():
    path = sys.argv[1]
    document = json.load(open(path, encoding="utf-8"), object_pairs_hook=once)
    check_dataset(document)
    check_ids(document)
    check_records(document, check_distribution(document, os.path.dirname(path)))
    print(" ".join("%s:%d" % (records["@id"], len(records.get("data", []))) for records in document["recordSet"]))


main()
