/*-------------------------------------------------------------------------
 *
 * checksum.c
 *	  Prisma's checksum of a migration script: SHA-256 over the file's bytes.
 *
 * Prisma takes a stored checksum for a script's if it is that of the script
 * as it is, or with every CRLF turned into LF, or with every LF turned into
 * CRLF; and an old engine wrote each byte's hexadecimal digits without
 * leading zeroes.  A shell's $(cat file) drops the final newlines, so a
 * checksum of that form is recognised as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"

#include "checksum.h"

typedef enum LineEnding
{
	LINE_ENDING_KEPT,
	LINE_ENDING_LF,
	LINE_ENDING_CRLF
} LineEnding;

static void
update_or_fail(pg_cryptohash_ctx *context, const char *bytes, size_t length)
{
	if (length > 0 &&
		pg_cryptohash_update(context, (const uint8 *) bytes, length) < 0)
		elog(ERROR, "could not compute a SHA-256 checksum");
}

/*
 * Feeds the hash with the script's lines, each with the ending asked for.  A
 * lone CR is no line ending.
 */
static void
update_with_line_endings(pg_cryptohash_ctx *context, const char *bytes,
						 size_t length, LineEnding ending)
{
	const char *rest = bytes;
	const char *end = bytes + length;

	while (rest < end)
	{
		const char *newline = memchr(rest, '\n', end - rest);
		const char *line_end;

		if (newline == NULL)
			break;
		line_end = newline;
		/* A CRLF turned into LF loses its CR; LF into CRLF adds one to each. */
		if (ending == LINE_ENDING_LF && line_end > rest && line_end[-1] == '\r')
			line_end--;
		update_or_fail(context, rest, line_end - rest);
		if (ending == LINE_ENDING_CRLF)
			update_or_fail(context, "\r", 1);
		update_or_fail(context, "\n", 1);
		rest = newline + 1;
	}
	update_or_fail(context, rest, end - rest);
}

static void
hash_script(const char *bytes, size_t length, LineEnding ending,
			const char *suffix, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));

	/*
	 * With OpenSSL the context belongs to the current resource owner, without
	 * it to the backend's heap: an error between create and free can only be
	 * "the library failed", so nothing more is done for it.
	 */
	if (pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not compute a SHA-256 checksum");
	if (ending == LINE_ENDING_KEPT)
		update_or_fail(context, bytes, length);
	else
		update_with_line_endings(context, bytes, length, ending);
	update_or_fail(context, suffix, strlen(suffix));
	if (pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a SHA-256 checksum");
	pg_cryptohash_free(context);
}

static void
format_digest(const uint8 *digest, const char *format, char *hex)
{
	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
		hex += sprintf(hex, format, digest[i]);
}

void
checksum_compute(const char *bytes, size_t length, char *hex)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	hash_script(bytes, length, LINE_ENDING_KEPT, "", digest);
	format_digest(digest, "%02x", hex);
}

static bool
stored_equals(const char *stored, const char *bytes, size_t length,
			  LineEnding ending, const char *suffix)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		hex[CHECKSUM_SIZE];

	hash_script(bytes, length, ending, suffix, digest);
	/* A checksum of another length is an old engine's, unpadded. */
	format_digest(digest,
				  strlen(stored) == CHECKSUM_SIZE - 1 ? "%02x" : "%x", hex);
	return strcmp(stored, hex) == 0;
}

bool
checksum_is_plausible(const char *stored)
{
	size_t		length = strlen(stored);

	/* Unpadded, 32 bytes have at least 32 digits. */
	return length >= PG_SHA256_DIGEST_LENGTH && length < CHECKSUM_SIZE &&
		strspn(stored, "0123456789abcdefABCDEF") == length;
}

ChecksumMatch
checksum_compare(const char *stored, const char *bytes, size_t length)
{
	size_t		trimmed = length;

	if (!checksum_is_plausible(stored))
		return CHECKSUM_IS_NONE;
	if (stored_equals(stored, bytes, length, LINE_ENDING_KEPT, "") ||
		stored_equals(stored, bytes, length, LINE_ENDING_LF, "") ||
		stored_equals(stored, bytes, length, LINE_ENDING_CRLF, ""))
		return CHECKSUM_MATCHES;

	while (trimmed > 0 &&
		   (bytes[trimmed - 1] == '\n' || bytes[trimmed - 1] == '\r'))
		trimmed--;
	if (trimmed < length)
	{
		if (stored_equals(stored, bytes, trimmed, LINE_ENDING_KEPT, ""))
			return CHECKSUM_LACKS_NEWLINE;
	}
	else if (stored_equals(stored, bytes, length, LINE_ENDING_KEPT, "\n") ||
			 stored_equals(stored, bytes, length, LINE_ENDING_KEPT, "\r\n"))
		/* The script lost the newline on its way here, not the journal. */
		return CHECKSUM_MATCHES;
	return CHECKSUM_DIFFERS;
}
