/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See croissant.h. The document is put together with a JSON library, whose functions take what is
 * missing for want of memory as a failure that only the last one has to look for.
 */
#include "fs/croissant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/croissant_facts.h"
#include "fs/document.h"
#include "fs/licence.h"
#include "fs/provenance.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/json_text.h"
#include "index/rfc3339.h"

/*
 * Appendix 1 of the specification, and the vocabularies that it names for origin and use. Its
 * http://schema.org/ is https here, as in all published documents: the reference implementation
 * (mlcroissant 1.1) takes no other for a dataset.
 */
static const char context[] =
	"{\"@language\": \"en\", \"@vocab\": \"https://schema.org/\","
	" \"sc\": \"https://schema.org/\", \"cr\": \"http://mlcommons.org/croissant/\","
	" \"rai\": \"http://mlcommons.org/croissant/RAI/\", \"dct\": \"http://purl.org/dc/terms/\","
	" \"annotation\": \"cr:annotation\", \"arrayShape\": \"cr:arrayShape\","
	" \"citeAs\": \"cr:citeAs\", \"column\": \"cr:column\","
	" \"conformsTo\": \"dct:conformsTo\", \"containedIn\": \"cr:containedIn\","
	" \"data\": {\"@id\": \"cr:data\", \"@type\": \"@json\"},"
	" \"dataType\": {\"@id\": \"cr:dataType\", \"@type\": \"@vocab\"},"
	" \"equivalentProperty\": \"cr:equivalentProperty\","
	" \"examples\": {\"@id\": \"cr:examples\", \"@type\": \"@json\"},"
	" \"excludes\": \"cr:excludes\", \"extract\": \"cr:extract\", \"field\": \"cr:field\","
	" \"fileProperty\": \"cr:fileProperty\", \"fileObject\": \"cr:fileObject\","
	" \"fileSet\": \"cr:fileSet\", \"format\": \"cr:format\", \"includes\": \"cr:includes\","
	" \"isArray\": \"cr:isArray\", \"isLiveDataset\": \"cr:isLiveDataset\","
	" \"jsonPath\": \"cr:jsonPath\", \"key\": \"cr:key\", \"md5\": \"cr:md5\","
	" \"parentField\": \"cr:parentField\", \"recordSet\": \"cr:recordSet\","
	" \"references\": \"cr:references\", \"regex\": \"cr:regex\","
	" \"readLines\": \"cr:readLines\", \"sdVersion\": \"cr:sdVersion\","
	" \"separator\": \"cr:separator\", \"source\": \"cr:source\","
	" \"subField\": \"cr:subField\", \"transform\": \"cr:transform\","
	" \"unArchive\": \"cr:unArchive\", \"value\": \"cr:value\","
	" \"prov\": \"http://www.w3.org/ns/prov#\", \"odrl\": \"http://www.w3.org/ns/odrl/2/\","
	" \"cc\": \"http://creativecommons.org/ns#\"}";

bool vt_croissant_sums(const struct vt_version *version, enum vt_document document)
{
	return version->document_body[document] <= VT_CROISSANT_SUMMED;
}

/* ---- parts ----------------------------------------------------------------------------------- */

struct draft {
	const struct vt_dataset *dataset;
	const struct vt_version *version;
	const struct vt_croissant_facts *facts;
	json_t *document;
	bool failed;
};

static void set(struct draft *draft, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		draft->failed = true;
}

static void append(struct draft *draft, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		draft->failed = true;
}

static json_t *text_of(const char *text)
{
	return vt_json_readable(text, strlen(text));
}

static json_t *hex_of(const struct vt_digest *digest)
{
	char hex[VT_DIGEST_HEX];

	vt_digest_format(digest, hex);
	return json_string(hex);
}

/* To the second, as in the other documents. */
static json_t *time_of(uint64_t ns)
{
	char text[VT_RFC3339_TEXT];

	vt_rfc3339_format((int64_t) (ns - ns % VT_NS_PER_SEC), text);
	return json_string(text);
}

static json_t *identifier(const char *what, json_t *value)
{
	return json_pack("{s:s, s:s, s:o}", "@type", "sc:PropertyValue", "propertyID", what,
			 "value", value);
}

static json_t *reference(const char *id)
{
	return json_pack("{s:s}", "@id", id);
}

/* The object with these members too. */
static json_t *with(json_t *object, json_t *more)
{
	if (json_object_update_new(object, more) == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* A node of a type, with its id for a name. */
static json_t *node(const char *type, json_t *id)
{
	return json_pack("{s:s, s:O, s:o}", "@type", type, "@id", id, "name", id);
}

static json_t *named(const char *type, const char *id)
{
	return node(type, json_string(id));
}

/* ---- the dataset ----------------------------------------------------------------------------- */

/*
 * "3.1.0" for v3.1, as the specification would have it; a chosen name as it is. Only from the name,
 * as the number of a named version is in no digest.
 */
static json_t *version_of(const char *name)
{
	static const char digits[] = "0123456789";
	size_t major = *name == 'v' ? strspn(name + 1, digits) : 0;
	const char *rest = name + 1 + major;
	size_t minor = major && *rest == '.' ? strspn(rest + 1, digits) : 0;

	if (major && !*rest)
		return json_sprintf("%s.0.0", name + 1);
	if (minor && !rest[1 + minor])
		return json_sprintf("%s.0", name + 1);
	return text_of(name);
}

static json_t *description(const struct vt_dataset *dataset, const struct vt_version *version)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_buf_printf(&text, "Version %s of the dataset %s: %llu files, %llu bytes.", version->name,
		      dataset->name, (unsigned long long) version->counts.files,
		      (unsigned long long) version->counts.bytes);
	if (version->labels.labels)
		vt_buf_printf(&text, " %llu labels of %u files.",
			      (unsigned long long) version->labels.labels, version->labels.files);
	if (*version->message)
		vt_buf_printf(&text, "\n\n%s", version->message);
	return vt_buf_failed(&text) ? NULL : vt_json_readable((const char *) text.data, text.len);
}

static json_t *citation(const struct vt_dataset *dataset, const struct vt_version *version)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	char time[VT_RFC3339_TEXT], digest[VT_DIGEST_HEX];

	vt_rfc3339_format((int64_t) version->created_ns, time);
	vt_digest_format(&version->digest, digest);
	vt_buf_printf(&text, "%s (%.4s). %s, version %s. Version digest %s.", version->author, time,
		      dataset->name, version->name, digest);
	return vt_buf_failed(&text) ? NULL : vt_json_readable((const char *) text.data, text.len);
}

static json_t *identifiers(struct draft *draft)
{
	const struct vt_version *version = draft->version;
	json_t *list = json_array();

	append(draft, list, identifier("version digest", hex_of(&version->digest)));
	append(draft, list, identifier("tree digest", hex_of(&version->tree_digest)));
	if (version->labels.labels)
		append(draft, list, identifier("label digest", hex_of(&version->label_digest)));
	return list;
}

static void put_dataset(struct draft *draft)
{
	const struct vt_version *version = draft->version;
	json_t *document = draft->document, *terms = vt_licence_terms(version->licence);

	set(draft, document, "@context", json_loads(context, 0, NULL));
	set(draft, document, "@type", json_string("sc:Dataset"));
	set(draft, document, "conformsTo", json_string("http://mlcommons.org/croissant/1.1"));
	set(draft, document, "name", text_of(draft->dataset->name));
	set(draft, document, "description", description(draft->dataset, version));
	set(draft, document, "version", version_of(version->name));
	set(draft, document, "url", json_sprintf("../../%s/", version->name));
	set(draft, document, "identifier", identifiers(draft));
	set(draft, document, "creator",
	    json_pack("{s:s, s:o}", "@type", "sc:Person", "name", text_of(version->author)));
	set(draft, document, "datePublished", time_of(version->created_ns));
	set(draft, document, "license", vt_licence_json(version->licence));
	if (*version->licence)
		set(draft, document, "usageInfo", terms);
	set(draft, document, "citeAs", citation(draft->dataset, version));
}

/* ---- where it is from ------------------------------------------------------------------------ */

static json_t *shares_of(const json_t *split)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_provenance_say_shares(split, &text);
	return vt_buf_failed(&text) ? NULL : json_stringn((const char *) text.data, text.len);
}

/* What curate was asked for: those that were given. */
static json_t *wishes(struct draft *draft, const json_t *provenance)
{
	static const char *const members[] = {"where", "split", "split_by", "seed"};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		json_t *value = json_object_get(provenance, members[i]);

		if (value)
			append(draft, list,
			       json_pack("{s:s, s:s, s:o}", "@type", "sc:PropertyValue", "name",
					 members[i], "value",
					 json_is_object(value) ? shares_of(value)
							       : json_incref(value)));
	}
	return list;
}

static json_t *source_of(struct draft *draft, const json_t *provenance)
{
	static const struct {
		const char *member, *what;
	} digests[] = {{"source_digest", "version digest"}, {"label_digest", "label digest"}};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
		json_t *digest = json_object_get(provenance, digests[i].member);

		if (digest)
			append(draft, list, identifier(digests[i].what, json_incref(digest)));
	}
	return json_pack("{s:s, s:O*, s:o}", "@type", "prov:Entity", "name",
			 json_object_get(provenance, "source"), "identifier", list);
}

static void put_curation(struct draft *draft, const json_t *provenance)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	json_t *tool = json_object_get(provenance, "tool");

	vt_provenance_say(provenance, &text);
	set(draft, draft->document, "prov:wasDerivedFrom", source_of(draft, provenance));
	set(draft, draft->document, "prov:wasGeneratedBy",
	    json_pack("{s:s, s:s, s:o, s:o, s:o, s:{s:s, s:O*}}", "@type", "prov:Activity",
		      "prov:label", "vitrine curate", "description",
		      vt_json_readable((const char *) text.data, text.len), "prov:endedAtTime",
		      time_of(draft->version->created_ns), "additionalProperty",
		      wishes(draft, provenance), "prov:wasAssociatedWith", "@type",
		      "prov:SoftwareAgent", "prov:label", tool));
	draft->failed |= vt_buf_failed(&text);
}

static void put_origin(struct draft *draft)
{
	const struct vt_version *version = draft->version;
	json_t *provenance = json_loads(version->provenance, 0, NULL);

	if (!vt_digest_is_zero(&version->parent_digest))
		set(draft, draft->document, "prov:wasRevisionOf",
		    json_pack("{s:s, s:o}", "@type", "prov:Entity", "identifier",
			      identifier("version digest", hex_of(&version->parent_digest))));
	if (provenance)
		put_curation(draft, provenance);
	json_decref(provenance);
}

/* ---- files ----------------------------------------------------------------------------------- */

static json_t *directory(const struct draft *draft)
{
	return with(
		named("cr:FileObject", "directory"),
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "description",
			  "The version. Its sha256 is the tree digest; SHA256SUMS has those of "
			  "the files.",
			  "encodingFormat", "inode/directory", "contentUrl",
			  json_sprintf("../../%s/", draft->version->name), "contentSize",
			  json_sprintf("%llu B", (unsigned long long) draft->version->counts.bytes),
			  "sha256", hex_of(&draft->version->tree_digest)));
}

/* A document beside this one: a file with its sum, or a set of one. */
static json_t *beside(const struct draft *draft, enum vt_document document, const char *format,
		      const char *about, const struct vt_digest *sum)
{
	const char *name = vt_document_name(document);
	bool summed = vt_croissant_sums(draft->version, document);
	json_t *out = with(named(summed ? "cr:FileObject" : "cr:FileSet", name),
			   json_pack("{s:s, s:s, s:o}", "description", about, "encodingFormat",
				     format, "contentSize",
				     json_sprintf("%llu B", (unsigned long long) draft->version
								    ->document_body[document])));
	return with(out, summed ? json_pack("{s:s, s:o}", "contentUrl", name, "sha256", hex_of(sum))
				: json_pack("{s:s}", "includes", name));
}

static json_t *set_of_files(json_t *id, json_t *glob)
{
	return with(node("cr:FileSet", id),
		    json_pack("{s:{s:s}, s:s, s:o}", "containedIn", "@id", "directory",
			      "encodingFormat", "application/octet-stream", "includes", glob));
}

static json_t *distribution(struct draft *draft)
{
	const struct vt_croissant_facts *facts = draft->facts;
	json_t *list = json_array(), *split;
	size_t i;

	append(draft, list, directory(draft));
	append(draft, list,
	       beside(draft, VT_DOCUMENT_SHA256SUMS, "text/plain", "The SHA-256 of every file.",
		      &facts->sums_digest));
	if (draft->version->labels.labels)
		append(draft, list,
		       beside(draft, VT_DOCUMENT_LABELS, "application/jsonlines",
			      "Every label, a line each.", &facts->labels_digest));
	append(draft, list, set_of_files(json_string("files"), json_string("**")));
	json_array_foreach(facts->splits, i, split)
	{
		const char *name = json_string_value(split);

		append(draft, list,
		       set_of_files(json_sprintf("files/%s", name), json_sprintf("%s/**", name)));
	}
	return list;
}

/* ---- records --------------------------------------------------------------------------------- */

static json_t *field(json_t *id, const char *about, json_t *type)
{
	return with(node("cr:Field", id),
		    json_pack("{s:s, s:o}", "description", about, "dataType", type));
}

/* What an enumeration and the splits have in common: names, and one thing more of each. */
static json_t *listed(const char *id, const char *about, const char *type, json_t *fields,
		      json_t *data)
{
	return with(named("cr:RecordSet", id),
		    json_pack("{s:s, s:s, s:{s:o}, s:o, s:o}", "description", about, "dataType",
			      type, "key", "@id", json_sprintf("%s/name", id), "field", fields,
			      "data", data));
}

static json_t *splits(struct draft *draft)
{
	json_t *fields = json_array(), *data = json_array(), *split;
	bool all_known = true;
	size_t i;

	json_array_foreach(draft->facts->splits, i, split) all_known &=
		vt_croissant_split_term(json_string_value(split)) != NULL;
	append(draft, fields,
	       field(json_string("splits/name"), "The folder.", json_string("sc:Text")));
	if (all_known)
		append(draft, fields,
		       field(json_string("splits/url"), "What it is for.",
			     json_pack("[s, s]", "sc:URL", "cr:Split")));
	json_array_foreach(draft->facts->splits, i, split)
	{
		json_t *row = json_pack("{s:O}", "splits/name", split);

		if (all_known)
			set(draft, row, "splits/url",
			    json_string(vt_croissant_split_term(json_string_value(split))));
		append(draft, data, row);
	}
	return listed("splits", "The parts that the files are divided into.", "cr:Split", fields,
		      data);
}

static json_t *from_files(const char *property)
{
	return json_pack("{s:{s:s}, s:{s:s}}", "fileSet", "@id", "files", "extract", "fileProperty",
			 property);
}

/* "^(train|val|test)/.*$" */
static json_t *split_pattern(const json_t *names)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	json_t *name;
	size_t i;

	vt_buf_put_u8(&text, '^');
	json_array_foreach(names, i, name)
	{
		vt_buf_put_u8(&text, i ? '|' : '(');
		for (const char *c = json_string_value(name); *c; c++) {
			if (*c == '.')
				vt_buf_put_u8(&text, '\\');
			vt_buf_put_u8(&text, (uint8_t) *c);
		}
	}
	vt_buf_printf(&text, ")/.*$");
	return vt_buf_failed(&text) ? NULL : json_stringn((const char *) text.data, text.len);
}

static json_t *split_field(struct draft *draft)
{
	json_t *out = field(json_string("samples/split"), "The part that the file is in.",
			    json_string("sc:Text"));
	json_t *source = from_files("fullpath");

	set(draft, source, "transform",
	    json_pack("{s:o}", "regex", split_pattern(draft->facts->splits)));
	set(draft, out, "source", source);
	/* With `field`, as published documents have it: the reference implementation reads no
	 * other.
	 */
	set(draft, out, "references", json_pack("{s:{s:s}}", "field", "@id", "splits/name"));
	return out;
}

static json_t *samples(struct draft *draft)
{
	json_t *out = named("cr:RecordSet", "samples"), *fields = json_array();
	json_t *path = field(json_string("samples/path"), "The path in the version.",
			     json_string("sc:Text"));
	json_t *content = field(json_string("samples/content"), "The bytes of the file.",
				json_string("sc:Text"));

	set(draft, path, "source", from_files("fullpath"));
	set(draft, content, "source", from_files("content"));
	append(draft, fields, path);
	if (json_array_size(draft->facts->splits))
		append(draft, fields, split_field(draft));
	append(draft, fields, content);
	set(draft, out, "description", json_string("A record for each file."));
	set(draft, out, "key", reference("samples/path"));
	set(draft, out, "field", fields);
	return out;
}

/* The members of a line that every label has, and confidence. Others: index/label_line.h. */
static const struct member {
	const char *name, *about, *type;
} members[] = {
	{"path", "The file.", "sc:Text"},
	{"key", "What is said something of.", "sc:Text"},
	{"value", "What is said: a text, a number or a truth value.", NULL},
	{"annotator", "Who says so.", "sc:Text"},
	{"source", "human, model, rule or import.", "sc:Text"},
	{"confidence", "From 0 to 1; not of every label.", "sc:Float"},
	{"review", "draft, submitted, accepted, rejected or disputed.", "sc:Text"},
	{"time", "When it was said.", "sc:DateTime"},
};

static json_t *member_field(struct draft *draft, const struct member *member)
{
	const char *kind =
		vt_croissant_sums(draft->version, VT_DOCUMENT_LABELS) ? "fileObject" : "fileSet";
	json_t *type = member->type ? json_string(member->type)
				    : json_pack("[s, s]", "sc:Text", "cr:Label");
	json_t *out = field(json_sprintf("labels/%s", member->name), member->about, type);

	set(draft, out, "source",
	    json_pack("{s:{s:s}, s:{s:s}}", kind, "@id", vt_document_name(VT_DOCUMENT_LABELS),
		      "extract", "column", member->name));
	if (strcmp(member->name, "annotator") == 0)
		set(draft, out, "equivalentProperty", json_string("prov:wasAttributedTo"));
	return out;
}

static json_t *labels(struct draft *draft)
{
	json_t *out = named("cr:RecordSet", "labels"), *fields = json_array();

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (draft->facts->has_confidence || strcmp(members[i].name, "confidence") != 0)
			append(draft, fields, member_field(draft, &members[i]));
	set(draft, out, "description",
	    json_string("A record for each label: several annotators may label a file. A path that "
			"is no UTF-8 is in a column path_hex."));
	set(draft, out, "field", fields);
	return out;
}

static json_t *values_of(struct draft *draft, const char *key, json_t *counts)
{
	json_auto_t *id = json_sprintf("values/%s", key);
	const char *base = json_string_value(id), *value;
	json_t *fields = json_array(), *data = json_array(), *files;
	json_auto_t *name = json_sprintf("%s/name", base);
	json_auto_t *count = json_sprintf("%s/files", base);

	append(draft, fields,
	       field(json_incref(name), "The value as a text.", json_string("sc:Text")));
	append(draft, fields,
	       field(json_incref(count), "How many files have it.", json_string("sc:Integer")));
	json_object_foreach(counts, value, files)
		append(draft, data,
		       json_pack("{s:s, s:O}", json_string_value(name), value,
				 json_string_value(count), files));
	return listed(base, "The values in force of a label.", "sc:Enumeration", fields, data);
}

static json_t *record_sets(struct draft *draft)
{
	json_t *list = json_array(), *counts;
	const char *key;

	if (json_array_size(draft->facts->splits))
		append(draft, list, splits(draft));
	append(draft, list, samples(draft));
	if (draft->version->labels.labels)
		append(draft, list, labels(draft));
	json_object_foreach(draft->facts->classes, key, counts)
		append(draft, list, values_of(draft, key, counts));
	return list;
}

/* ---------------------------------------------------------------------------------------------- */

int vt_croissant_put(const struct vt_dataset *dataset, const struct vt_version *version,
		     const struct vt_croissant_facts *facts, struct vt_buf *out,
		     struct vt_error *err)
{
	struct draft draft = {dataset, version, facts, json_object(), false};
	char *text;

	put_dataset(&draft);
	put_origin(&draft);
	set(&draft, draft.document, "distribution", distribution(&draft));
	set(&draft, draft.document, "recordSet", record_sets(&draft));
	text = draft.failed ? NULL : json_dumps(draft.document, JSON_INDENT(1));
	json_decref(draft.document);
	if (text)
		vt_buf_printf(out, "%s\n", text);
	free(text);
	return text && !vt_buf_failed(out) ? 0
					   : vt_fail(err, ENOMEM, "no memory for %s",
						     vt_document_name(VT_DOCUMENT_CROISSANT));
}
