// SPDX-License-Identifier: MIT
// The same as lookup.c with LLVM's libraries; lookup-llvm gsym|dwarf FILE N <ADDRESSES. Their
// answers hold names and paths as texts: they have no look-up without.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "llvm/DebugInfo/GSYM/GsymReader.h"
#include "llvm/DebugInfo/Symbolize/Symbolize.h"

using Addresses = std::vector<uint64_t>;

static size_t all_gsym(const llvm::gsym::GsymReader &reader, const Addresses &addrs)
{
	size_t n_frames = 0;
	for (uint64_t addr : addrs) {
		auto found = reader.lookup(addr);
		if (found)
			n_frames += found->Locations.size();
		else
			llvm::consumeError(found.takeError());
	}
	return n_frames;
}

static size_t all_dwarf(llvm::symbolize::LLVMSymbolizer &symbolizer, const std::string &path,
                        const Addresses &addrs)
{
	size_t n_frames = 0;
	for (uint64_t addr : addrs) {
		auto found = symbolizer.symbolizeInlinedCode(
			path, { addr, llvm::object::SectionedAddress::UndefSection });
		if (found)
			n_frames += found->getNumberOfFrames();
		else
			llvm::consumeError(found.takeError());
	}
	return n_frames;
}

template <class Function>
static void measure(const char *what, const Addresses &addrs, Function all)
{
	all();
	auto begun = std::chrono::steady_clock::now();
	size_t n_frames = all();
	std::chrono::duration<double, std::nano> took =
		std::chrono::steady_clock::now() - begun;
	printf("%s %.1f %zu\n", what, took.count() / addrs.size(), n_frames);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	std::string path = argv[2];
	Addresses addrs;
	uint64_t addr;
	for (size_t left = strtoul(argv[3], nullptr, 0); left && scanf("%lx", &addr) == 1;
	     left--)
		addrs.push_back(addr);
	if (addrs.empty())
		return 2;
	if (!strcmp(argv[1], "gsym")) {
		auto reader = llvm::gsym::GsymReader::openFile(path);
		if (!reader)
			return 1;
		measure("gsym", addrs, [&] { return all_gsym(*reader, addrs); });
	} else {
		llvm::symbolize::LLVMSymbolizer symbolizer;
		measure("dwarf", addrs, [&] { return all_dwarf(symbolizer, path, addrs); });
	}
}
