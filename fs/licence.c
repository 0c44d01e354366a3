/* SPDX-License-Identifier: Apache-2.0 */
/* See licence.h. */
#include "fs/licence.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"
#include "index/json_text.h"

enum terms {
	OFFER = 1 << 0, /* it may be copied and given away; the terms below hold */
	CREDIT = 1 << 1,
	SHARE_ALIKE = 1 << 2,
	NO_COMMERCE = 1 << 3,
	NO_CHANGES = 1 << 4,
};

#define PAGE "https://spdx.org/licenses/"

/* Names as there. */
static const struct licence {
	const char *name;
	unsigned terms; /* 0: not said */
} known[] = {
	{"CC0-1.0", OFFER},
	{"CC-BY-3.0", OFFER | CREDIT},
	{"CC-BY-4.0", OFFER | CREDIT},
	{"CC-BY-SA-3.0", OFFER | CREDIT | SHARE_ALIKE},
	{"CC-BY-SA-4.0", OFFER | CREDIT | SHARE_ALIKE},
	{"CC-BY-NC-4.0", OFFER | CREDIT | NO_COMMERCE},
	{"CC-BY-NC-SA-4.0", OFFER | CREDIT | NO_COMMERCE | SHARE_ALIKE},
	{"CC-BY-ND-4.0", OFFER | CREDIT | NO_CHANGES},
	{"CC-BY-NC-ND-4.0", OFFER | CREDIT | NO_COMMERCE | NO_CHANGES},
	{"PDDL-1.0", 0},
	{"ODC-By-1.0", 0},
	{"ODbL-1.0", 0},
	{"CDLA-Permissive-2.0", 0},
	{"CDLA-Sharing-1.0", 0},
	{"Apache-2.0", 0},
	{"MIT", 0},
	{"BSD-3-Clause", 0},
};

static const struct licence *find(const char *text)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(text, known[i].name) == 0)
			return &known[i];
	return NULL;
}

static bool is_url(const char *text)
{
	return (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) &&
	       text[strcspn(text, " \t\r\n\"<>\\^`{|}")] == '\0';
}

json_t *vt_licence_json(const char *text)
{
	const struct licence *licence = find(text);

	if (licence)
		return json_sprintf(PAGE "%s", licence->name);
	if (!*text)
		return json_pack("{s:s, s:s}", "@type", "sc:CreativeWork", "name", "not stated");
	if (is_url(text))
		return vt_json_readable(text, strlen(text));
	return json_pack("{s:s, s:o}", "@type", "sc:CreativeWork", "name",
			 vt_json_readable(text, strlen(text)));
}

#define ACTION(term) "{\"@id\": \"cc:" term "\"}"

static json_t *offer(const struct licence *licence)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	unsigned terms = licence->terms;

	vt_buf_printf(&text,
		      "{\"@type\": [\"sc:CreativeWork\", \"odrl:Offer\"], \"name\": \"%s\","
		      " \"url\": \"" PAGE "%s\", \"odrl:permission\": {"
		      "\"@type\": \"odrl:Permission\", \"odrl:action\": [",
		      licence->name, licence->name);
	vt_buf_printf(&text, ACTION("Reproduction") ", " ACTION("Distribution") "%s]",
		      terms & NO_CHANGES ? "" : ", " ACTION("DerivativeWorks"));
	if (terms & CREDIT)
		vt_buf_printf(
			&text,
			", \"odrl:duty\": {\"@type\": \"odrl:Duty\", \"odrl:action\": [" ACTION(
				"Notice") ", " ACTION("Attribution") "%s]}",
			terms & SHARE_ALIKE ? ", " ACTION("ShareAlike") : "");
	vt_buf_printf(&text, "}%s}",
		      terms & NO_COMMERCE
			      ? ", \"odrl:prohibition\": {\"@type\": \"odrl:Prohibition\","
				" \"odrl:action\": " ACTION("CommercialUse") "}"
			      : "");
	return vt_buf_failed(&text) ? NULL : json_loadb((char *) text.data, text.len, 0, NULL);
}

json_t *vt_licence_terms(const char *text)
{
	const struct licence *licence = find(text);

	if (!*text)
		return NULL;
	return licence && licence->terms ? offer(licence) : vt_licence_json(text);
}
