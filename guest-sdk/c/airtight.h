/* What C and C++ guests can say to airtight. The functions are imported from airtight: other WASI engines do not load a module
 * that calls them. */
#ifndef AIRTIGHT_H
#define AIRTIGHT_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((import_module("airtight"), import_name("track"))) uint32_t airtight_import_track(const char *kind,
    size_t kind_len, const char *label, size_t label_len);
__attribute__((import_module("airtight"), import_name("untrack"))) int32_t airtight_import_untrack(uint32_t number);

/* Enters a resource of a kind of your own in airtight's books: a connection of a pool, a mock, a transaction. It is counted from
 * here until airtight_untrack; left at the end of the test it is a leak, with the place of this call. The label tells it from
 * others of its kind; it may be empty. Returns its number. */
static inline uint32_t airtight_track(const char *kind, const char *label) {
    return airtight_import_track(kind, strlen(kind), label, strlen(label));
}

/* Takes a resource off the books. Returns 0, or WASI's errno 8 (badf) where none has this number. */
static inline int airtight_untrack(uint32_t number) {
    return airtight_import_untrack(number);
}

#ifdef __cplusplus
}
#endif

#endif
