// SPDX-License-Identifier: MIT
#include "shared.hh"

#include <string>

unsigned shared_user(int n)
{
	std::vector<unsigned> some;
	for (int i = 0; i < n; i++)
		some.push_back(shared_hash(static_cast<unsigned>(i)));
	std::string text(some.size(), 'x');
	return accumulate_all(some) + static_cast<unsigned>(Twice<long>(n).value()) +
	       static_cast<unsigned>(text.size());
}
