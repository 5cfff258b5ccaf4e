/*-------------------------------------------------------------------------
 *
 * bundle.c
 *	  Several migrations in one jsonb object: {"name": "text", ...}.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "bundle.h"

static void
refuse_bundle(const char *argument, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name ?
			 errmsg("\"%s\" has no string for \"%s\"", argument, name) :
			 errmsg("\"%s\" is not a JSON object", argument),
			 errhint("It has the form {\"name\": \"...\", ...}."),
			 errhidestmt(true)));
}

static int
compare_by_name(const ListCell *left, const ListCell *right)
{
	return strcmp(((const BundleEntry *) lfirst(left))->name,
				  ((const BundleEntry *) lfirst(right))->name);
}

static char *
copy_string(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

List *
bundle_read(Datum bundle, const char *argument)
{
	Jsonb	   *jsonb = DatumGetJsonbP(bundle);
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *entries = NIL;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		refuse_bundle(argument, NULL);
	iterator = JsonbIteratorInit(&jsonb->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		BundleEntry *entry;

		if (token != WJB_KEY)
			continue;
		entry = palloc(sizeof(BundleEntry));
		entry->name = copy_string(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvString)
			refuse_bundle(argument, entry->name);
		entry->text = copy_string(&value);
		entries = lappend(entries, entry);
	}
	/* jsonb itself orders keys by length first. */
	list_sort(entries, compare_by_name);
	return entries;
}
