/* SPDX-License-Identifier: MIT */
/* Reading and writing the urf's byte types; each is one mov on the machines we run on. */
#ifndef BASE_LE_H
#define BASE_LE_H

#include <endian.h>

#include "base/base.h"
#include "urf/format.h"

static inline uint16_t le16_get(le16 v)
{
	uint16_t n;
	memcpy(&n, v.b, sizeof(n));
	return le16toh(n);
}

static inline uint32_t le32_get(le32 v)
{
	uint32_t n;
	memcpy(&n, v.b, sizeof(n));
	return le32toh(n);
}

static inline uint64_t le64_get(le64 v)
{
	uint64_t n;
	memcpy(&n, v.b, sizeof(n));
	return le64toh(n);
}

static inline le16 le16_of(uint64_t n)
{
	uint16_t v = htole16((uint16_t)n);
	le16 ret;
	memcpy(ret.b, &v, sizeof(v));
	return ret;
}

static inline le32 le32_of(uint64_t n)
{
	uint32_t v = htole32((uint32_t)n);
	le32 ret;
	memcpy(ret.b, &v, sizeof(v));
	return ret;
}

static inline le64 le64_of(uint64_t n)
{
	uint64_t v = htole64(n);
	le64 ret;
	memcpy(ret.b, &v, sizeof(v));
	return ret;
}

#endif
