/* SPDX-License-Identifier: MIT */
/* Opening urfs made by hand (urf.h), whole and damaged. */
#ifndef TESTS_IMAGE_OPEN_H
#define TESTS_IMAGE_OPEN_H

#include "lib/test.h"
#include "turf/image.h"

static struct turf_image *open_urf(struct span urf)
{
	struct turf_image *image = NULL;
	struct turf_error err = { 0 };
	int r = turf_image_open_mem(urf.at, urf.size, &image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

/* One that nothing is wrong with. */
static inline struct turf_image *open_whole(struct span urf)
{
	struct turf_error err = { 0 };
	struct turf_image *image = open_urf(urf);
	int r = turf_image_verify(image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

static void close_urf(struct turf_image *image, struct span urf)
{
	turf_image_close(image);
	free((void *)urf.at);
}

static unsigned n_opened;
static void (*ask_opened)(struct turf_image *image);

static inline void ask_what_opens(struct span bytes)
{
	struct turf_image *image;
	if (turf_image_open_mem(bytes.at, bytes.size, &image, NULL) < 0)
		return;
	n_opened++;
	ask_opened(image);
	turf_image_close(image);
}

/* No prefix opens; of the whole all is asked. */
static inline void refuse_every_prefix(struct span urf, void (*ask)(struct turf_image *image))
{
	ask_opened = ask;
	every_prefix(urf, ask_what_opens);
	ck_assert_uint_eq(n_opened, 0);
	ask_what_opens(urf);
	ck_assert_uint_eq(n_opened, 1);
	free((void *)urf.at);
}

static inline void survive_every_bent_byte(struct span urf,
                                           void (*ask)(struct turf_image *image))
{
	ask_opened = ask;
	every_byte_bent(urf, ask_what_opens);
	ck_assert_uint_gt(n_opened, 1000);
	free((void *)urf.at);
}

#endif
