// Searches the data of `raksha bench match --save DIR` with the index that hash matchers commonly use, on one thread, and prints a line
// of JSON. Usage: faiss DIR DATA
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <faiss/IndexBinaryHash.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <omp.h>

namespace {

std::vector<uint8_t> readAll(const std::string& path) {
    std::ifstream f(path, std::ios::binary | std::ios::ate);
    if (!f) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        std::exit(1);
    }
    std::vector<uint8_t> b(static_cast<size_t>(f.tellg()));
    f.seekg(0);
    f.read(reinterpret_cast<char*>(b.data()), static_cast<std::streamsize>(b.size()));
    return b;
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Distances below radius are found: 32 is within 31 bits.
constexpr int radius = 32;

// Seconds after which no more queries are asked for a figure: on skewed data one takes a second or more.
constexpr double patience = 60;

// median gives the median over blocks of the mean microseconds of a query.
double median(const faiss::IndexBinaryMultiHash& index, const std::vector<uint8_t>& queries, size_t block, size_t blocks) {
    std::vector<double> means;
    double begin = now();
    for (size_t b = 0; b < blocks && (b < 3 || now() - begin < patience); b++) {
        double start = now();
        for (size_t i = 0; i < block; i++) {
            size_t q = (b * block + i) % (queries.size() / 32);
            faiss::RangeSearchResult result(1);
            index.range_search(1, &queries[32 * q], radius, &result);
        }
        means.push_back((now() - start) / static_cast<double>(block) * 1e6);
    }
    std::sort(means.begin(), means.end());
    return means[means.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: faiss DIR DATA\n");
        return 2;
    }
    omp_set_num_threads(1);
    std::string dir = argv[1];
    auto hashes = readAll(dir + "/hashes.bin"), miss = readAll(dir + "/miss.bin"), hit = readAll(dir + "/hit.bin");
    auto sources = readAll(dir + "/source.bin");
    size_t n = hashes.size() / 32;

    faiss::IndexBinaryMultiHash index(256, 16, 16);
    index.nflip = 1;
    double start = now();
    index.add(static_cast<faiss::IndexBinary::idx_t>(n), hashes.data());
    double build = now() - start;

    double missUs = median(index, miss, 8, 16), hitUs = median(index, hit, 8, 16);
    size_t checked = 0, found = 0; // up to ten at each distance, at least one
    start = now();
    for (size_t i = 0; i < 320 && (i < 32 || now() - start < patience); i++, checked++) {
        faiss::RangeSearchResult result(1);
        index.range_search(1, &hit[32 * i], radius, &result);
        uint32_t source = 0;
        for (int k = 3; k >= 0; k--) {
            source = source << 8 | sources[4 * i + static_cast<size_t>(k)];
        }
        for (size_t k = 0; k < result.lims[1]; k++) {
            if (result.labels[k] == static_cast<int64_t>(source)) {
                found++;
                break;
            }
        }
    }
    std::printf("{\"n\":%zu,\"miss_us\":%.0f,\"hit_us\":%.0f,\"recall\":%.4f,\"recall_of\":%zu,\"build_s\":%.1f,\"kernel\":\"faiss IndexBinaryMultiHash(256,16,16) nflip 1\",\"data\":\"%s\"}\n",
                n, missUs, hitUs, static_cast<double>(found) / static_cast<double>(checked), checked, build, argv[2]);
    return 0;
}
