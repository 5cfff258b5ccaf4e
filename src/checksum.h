/*-------------------------------------------------------------------------
 *
 * checksum.h
 *	  Prisma's checksum of a migration script.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_CHECKSUM_H
#define REMIGRATE_CHECKSUM_H

/* 64 hexadecimal digits and the terminating zero. */
#define CHECKSUM_SIZE 65

typedef enum ChecksumMatch
{
	CHECKSUM_DIFFERS,			/* of another script */
	CHECKSUM_MATCHES,			/* of this script, as Prisma compares them */
	CHECKSUM_LACKS_NEWLINE,		/* of this script without its final newlines */
	CHECKSUM_IS_NONE			/* no SHA-256 at all: a placeholder */
} ChecksumMatch;

/*
 * Writes the SHA-256 of bytes[0 .. length - 1] to hex as lower-case digits,
 * CHECKSUM_SIZE bytes.  Raises an internal error if the hash fails.
 */
extern void checksum_compute(const char *bytes, size_t length, char *hex);

/*
 * How the checksum "stored" in a journal stands to a script's bytes.  Raises
 * only what checksum_compute does.
 */
extern ChecksumMatch checksum_compare(const char *stored, const char *bytes,
									  size_t length);

/* Whether "stored" could be a checksum that some Prisma engine has written. */
extern bool checksum_is_plausible(const char *stored);

#endif							/* REMIGRATE_CHECKSUM_H */
