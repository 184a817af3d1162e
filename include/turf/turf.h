/* SPDX-License-Identifier: MIT */
/* All of libturf. Who needs no more than debug urfs includes turf/debug.h. */
#ifndef TURF_TURF_H
#define TURF_TURF_H

#include "turf/core.h"
#include "turf/debug.h"
#include "turf/pool.h"
#include "turf/process.h"
#include "turf/profile.h"
#include "turf/unwind.h"
#include "turf/value.h"

#endif
