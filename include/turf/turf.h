/* SPDX-License-Identifier: MIT */
/* All of libturf. */
#ifndef TURF_TURF_H
#define TURF_TURF_H

#include "turf/build.h"
#include "turf/error.h"
#include "turf/image.h"
#include "turf/names.h"
#include "turf/process.h"
#include "turf/profile.h"
#include "turf/store.h"
#include "turf/types.h"
#include "turf/variables.h"
#include "turf/unwind.h"

#endif
