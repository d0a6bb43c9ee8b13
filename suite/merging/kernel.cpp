// One fused pass over the sources' elements: what eager.py computes step by step, in registers.
//
// Compiled per variant by kernel.py, which defines:
//   MODELS   number of inputs                    MASK     0 all, 1 window of |d|, 2 random,
//   SOURCE   0 float, 1 bfloat16                          3 random by rank, 4 window of the variance
//   LIVE     0 float, 1 bfloat16, 2 float16      ELECT    0 sum, 1 sign of the weighted sum,
//   DELTA    0 sum of models, 1 base + vectors            2 sign of the plain sum
//   INVERSE  1: kept elements / probability      DIVIDE   0 no, 1 by kept weights (0 -> 1),
//   MEASURE  0 merge, 1 L1 norms, 2 squares               2 by kept weights, at least 1e-6
//
// Arithmetic follows eager.py operation by operation (no contraction; fused multiply-add only where
// torch fuses too), so that both give the same bits.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int K = MODELS;
constexpr int64_t BLOCK = 1024;  // measured at a time: stays in the first cache

#if SOURCE == 1
typedef uint16_t Source;
#else
typedef float Source;
#endif
#if LIVE == 0
typedef float Live;
#elif LIVE == 1
typedef uint16_t Live;
#else
typedef _Float16 Live;
#endif

inline float as_float(uint32_t bits) { float f; std::memcpy(&f, &bits, 4); return f; }
inline uint32_t as_bits(float f) { uint32_t bits; std::memcpy(&bits, &f, 4); return bits; }
inline int32_t magnitude(float f) { return int32_t(as_bits(f) & 0x7fffffffu); }

inline float widen(float x) { return x; }
inline float widen(uint16_t x) { return as_float(uint32_t(x) << 16); }
#if LIVE == 2
inline float widen(_Float16 x) { return float(x); }
#endif

inline Live narrow(float f) {
#if LIVE == 1  // round to nearest, ties to even
  const uint32_t bits = as_bits(f);
  return Live(f != f ? 0x7fc0u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#else
  return Live(f);
#endif
}

// masks.random_bits
inline int32_t random_bits(uint32_t index, uint32_t before, uint32_t after) {
  uint32_t x = index * 0x9E3779B1u + before;
  x ^= x >> 16;
  x = x * 0x85EBCA6Bu + after;
  x ^= x >> 13;
  x *= 0xC2B2AE35u;
  x ^= x >> 16;
  return int32_t(x & 0x7fffffffu);
}

// A threshold that is `before` for elements ahead of `cut` in their tensor and `after` from it on:
// so ties at the threshold are kept up to one place.
struct Edge { int64_t cut; int32_t before, after; };

struct Row {  // one tensor; kernel.py mirrors it
  int64_t start, size;
  Edge low[K], high[K];
  uint32_t key_before[K], key_after[K], bound[K];
  float chance[K], slope[K];
  float weight[K], share[K];
  float scale;
};

struct Task { int64_t row, start, stop; };  // elements of one tensor, counted within it

inline int32_t at(const Edge &edge, int64_t index) { return index < edge.cut ? edge.before : edge.after; }

// Elements [start, stop) of a tensor, within which no threshold changes.
void piece(const Source *__restrict base, const Source *const *models, const uint16_t *const *ranks,
           Live *__restrict live, const Row &row, int64_t start, int64_t stop, double *measured,
           int32_t &bad) {
  const Source *__restrict m[K];
  const uint16_t *__restrict rank[K];
  int32_t low[K], high[K];
  float w[K], share[K];  // copies, since a load under a condition is not vectorised
  for (int k = 0; k < K; ++k) {
    m[k] = models[k] + row.start;
    rank[k] = MASK == 3 ? ranks[k] + row.start : nullptr;
    low[k] = at(row.low[k], start);
    high[k] = at(row.high[k], start);
    w[k] = row.weight[k];
    share[k] = row.share[k];
  }
  const Source *__restrict b = DELTA ? base + row.start : nullptr;
  Live *__restrict out = MEASURE ? nullptr : live + row.start;
  const float scale = row.scale;
  int32_t flags = 0;
#if MEASURE
  float kept[K][BLOCK];
#endif

#if !MEASURE
#pragma omp simd reduction(| : flags)
#else
#pragma omp simd
#endif
  for (int64_t i = start; i < stop; ++i) {
    const float x = DELTA ? widen(b[i]) : 0.f;
    float d[K];
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) d[k] = DELTA ? widen(m[k][i]) - x : widen(m[k][i]);
#if MASK == 1
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      const int32_t size = magnitude(d[k]);
      d[k] = (size >= low[k]) & (size < high[k]) ? d[k] : 0.f;
    }
#elif MASK == 2
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      const int32_t bits = random_bits(uint32_t(i), row.key_before[k], row.key_after[k]);
      d[k] = uint32_t(bits) < row.bound[k] ? d[k] : 0.f;
    }
#elif MASK == 3
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      const int32_t bits = random_bits(uint32_t(i), row.key_before[k], row.key_after[k]);
      const float chance = row.chance[k] + float(int32_t(rank[k][i])) * row.slope[k];
      const float kept = INVERSE ? d[k] / std::min(chance, 1.f) : d[k];
      d[k] = float(bits) * 0x1p-31f < chance ? kept : 0.f;
    }
#elif MASK == 4
    float away = 0.f, variance = 0.f;  // from the first: equal ones then have variance 0
#pragma GCC unroll 16
    for (int k = 1; k < K; ++k) away += d[k] - d[0];
    const float mean = d[0] + away / float(K);
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) variance += (d[k] - mean) * (d[k] - mean);
    const bool chosen = magnitude(variance / float(K)) >= low[0];
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) d[k] = chosen ? d[k] : 0.f;
#endif

#if MEASURE
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) kept[k][i - start] = d[k];
#else
    float merged;
#if ELECT == 0
    merged = d[0] * w[0];
#pragma GCC unroll 16
    for (int k = 1; k < K; ++k) merged = std::fma(d[k], w[k], merged);
    if (DELTA) merged += x;
#else
    float v[K];
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) v[k] = d[k] * w[k];
    float sum = ELECT == 1 ? v[0] : d[0];
#pragma GCC unroll 16
    for (int k = 1; k < K; ++k) sum += ELECT == 1 ? v[k] : d[k];
    const float sign = sum >= 0.f ? 1.f : -1.f;
    float agreed = 0.f, divisor = 0.f;
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      const bool agrees = (ELECT == 1 ? v[k] : d[k]) * sign > 0.f;
      agreed += agrees ? v[k] : 0.f;
      divisor += agrees ? share[k] : 0.f;
    }
    if (DIVIDE == 1) agreed /= divisor == 0.f ? 1.f : divisor;
    if (DIVIDE == 2) agreed /= divisor > 1e-6f ? divisor : 1e-6f;
    merged = agreed * scale + x;
#endif
    out[i] = narrow(merged);
    flags |= (as_bits(widen(out[i])) & 0x7f800000u) == 0x7f800000u;
#endif
  }
#if MEASURE
  for (int k = 0; k < K; ++k) {
    float sum = 0.f;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < stop - start; ++i)
      sum += MEASURE == 1 ? std::fabs(kept[k][i]) : kept[k][i] * kept[k][i];
    measured[k] += double(sum);
  }
#endif
  bad |= flags;
}

void task(const Source *base, const Source *const *models, const uint16_t *const *ranks, Live *live,
          const Row *rows, const Task &work, double *measured, uint8_t *bad) {
  const Row &row = rows[work.row];
  int32_t flags = 0;
  for (int64_t start = work.start; start < work.stop;) {
    int64_t stop = MEASURE ? std::min(work.stop, start + BLOCK) : work.stop;
    if (MASK == 1 || MASK == 4)
      for (int k = 0; k < (MASK == 1 ? K : 1); ++k) {
        if (row.low[k].cut > start) stop = std::min(stop, row.low[k].cut);
        if (row.high[k].cut > start) stop = std::min(stop, row.high[k].cut);
      }
    piece(base, models, ranks, live, row, start, stop, measured, flags);
    start = stop;
  }
  *bad = flags != 0;
}

}  // namespace

// Takes tasks off the common counter `next` until none is left; called by several threads at once.
// measured: (count, K) sums per task, zero on entry; bad: (count,), 1 where a result is not finite.
extern "C" void run(const void *base, const void *const *models, const void *const *ranks, void *live,
                    const void *rows, const void *tasks, int64_t count, int64_t *next,
                    double *measured, uint8_t *bad) {
  for (;;) {
    const int64_t t = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
    if (t >= count) return;
    task(static_cast<const Source *>(base), reinterpret_cast<const Source *const *>(models),
         reinterpret_cast<const uint16_t *const *>(ranks), static_cast<Live *>(live),
         static_cast<const Row *>(rows), static_cast<const Task *>(tasks)[t], measured + t * K, bad + t);
  }
}

extern "C" int64_t row_size() { return sizeof(Row); }
